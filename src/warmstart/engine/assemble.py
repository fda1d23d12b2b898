"""Puts the parts of a phase together, and finds what only running can tell: the micro-batch and the `auto` rate."""

from __future__ import annotations

from collections.abc import Mapping

from accelerate import Accelerator
from torch import Tensor, nn

from warmstart.data.batches import Batch
from warmstart.engine import freeze, lr_find
from warmstart.engine.compiled import compiled_if_it_pays
from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided
from warmstart.engine.feed import Feed
from warmstart.engine.machine import memory_available
from warmstart.engine.memory import estimate_micro
from warmstart.engine.optim import base_rates
from warmstart.engine.penalty import StartingPoint
from warmstart.engine.seeds import derive
from warmstart.engine.stepper import Stepper
from warmstart.engine.steps.registry import Making, Parts, steppers
from warmstart.engine.suffix import Suffix
from warmstart.engine.training import Progress, Training
from warmstart.model.device import Device


def make_stepper(
    accelerator: Accelerator,
    training: Training,
    feed: Feed,
    data: RunData,
    context: Context,
    anchor: Mapping[str, Tensor] | None,
    *,
    trial: bool = False,
) -> Stepper:
    """A stepper for `training`; `anchor` are the weights that L2-SP pulls back to; `None`: another process does. A
    `trial` is not worth compiling.
    """
    network, plan = training.network, training.plan
    strength, knew = plan.phase.l2_sp, 0 if data.known is None else data.known.outputs
    suffix: nn.Module = Suffix(network, plan.cut)
    if not trial:
        suffix = compiled_if_it_pays(suffix, plan, Device.of(feed.device), context.listener)
    parts = Parts(
        accelerator=accelerator,
        suffix=accelerator.prepare_model(suffix, evaluation_mode=True),  # no wrapper but precision's
        training=training,
        feed=feed,
        penalty=StartingPoint(network, anchor, strength, knew) if strength > 0 and anchor is not None else None,
        listener=context.listener,
    )
    return steppers[plan.phase.kind](Making(parts, network, data, context))


def choose_micro(stepper: Stepper, context: Context) -> None:
    """Set `progress.micro`: by a trial pass on a GPU, where running out is caught; by the plan's estimate on a CPU."""
    training, plan = stepper.training, stepper.training.plan
    if stepper.feed.device.type == "cuda":
        training.progress.micro = plan.batch_size
        before = training.capture(full=False)
        stepper.gradients(next(iter(stepper.batches(epoch=0))), derive(context.seed, "trial"))
        training.optimizer.zero_grad(set_to_none=True)
        micro = training.progress.micro
        training.restore(before)
        training.progress.micro, how = micro, "by a trial pass"
    else:
        available = memory_available() // (1 if stepper.division is None else stepper.division.beside)
        training.progress.micro = micro = estimate_micro(training.network, plan, available)
        how = f"the whole batch needs about {plan.memory / 2**20:,.0f} of {available / 2**20:,.0f} MiB"
    times = -(-plan.batch_size // micro)
    context.listener(
        Decided(
            f"{plan.phase.name}: micro-batch {micro} x {times} ({how})",
            {"micro_batch": micro, "batch": plan.batch_size, "memory": plan.memory},
        )
    )


def find_rate(
    accelerator: Accelerator,
    training: Training,
    feed: Feed,
    data: RunData,
    context: Context,
    anchor: Mapping[str, Tensor],
) -> float:
    """The rate that "auto" stands for, by a range test on a copy of the network; the network itself is not touched."""
    plan = training.plan
    clone = training.network.clone()
    freeze.apply(clone, plan)
    progress = Progress(micro=training.progress.micro)
    trial = Training(clone, plan, base_rates(plan.groups, auto=1.0), lr_find.STEPS, progress)
    stepper = make_stepper(accelerator, trial, feed, data, context, anchor, trial=True)

    def step(batch: Batch, seed: int, rate: float) -> float:
        for group, lr in zip(trial.optimizer.param_groups, base_rates(plan.groups, auto=rate), strict=True):
            group["lr"] = lr
        loss = stepper.step(batch, seed)
        progress.batch += 1
        return loss

    rates, losses = lr_find.range_test(
        step,
        lambda n: feed.train(plan.phase.epochs + n),  # batches that training itself does not see in this order
        seed=derive(context.seed, plan.phase.name),
        deadline=context.deadline,
    )
    training.progress.micro = progress.micro
    found = lr_find.choose(rates, losses)
    how = "by range test" if found is not None else "by default: the loss did not fall in the range test"
    rate = lr_find.FALLBACK if found is None else found
    details = {"rates": rates, "losses": losses, "rate": rate}
    context.listener(Decided(f"{plan.phase.name}: learning rate {rate:g} {how}", details))
    return rate
