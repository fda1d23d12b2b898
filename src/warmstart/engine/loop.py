"""The gradient phase: epochs of optimizer steps under one compiled plan."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from accelerate import Accelerator
from torch import Tensor

from warmstart.engine import freeze
from warmstart.engine.assemble import choose_micro, find_rate, make_stepper
from warmstart.engine.checkpoint import PhaseFolder
from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.device import make_accelerator
from warmstart.engine.epochs import Epochs
from warmstart.engine.events import Decided, Listener
from warmstart.engine.feed import Feed
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.layout import training_layout
from warmstart.engine.optim import base_rates
from warmstart.engine.score import Best, Score
from warmstart.engine.seeds import derive, own_generator
from warmstart.engine.sharing import divided
from warmstart.engine.training import Progress, Training, copied
from warmstart.evaluation.outcome import CurveRow
from warmstart.model.device import Device
from warmstart.model.network import Network
from warmstart.planning.plan import PhasePlan
from warmstart.task.base import Task


@dataclasses.dataclass(frozen=True)
class PhaseResult:
    """What a phase leaves behind. States are complete state_dicts on the CPU, with the moving average if there is one.

    `best` is the best by validation: primary metric first, then the lower loss. Without validation it is `last`. Where
    the phase watches its training loss, `best` is the epoch where that was lowest.
    """

    last: dict[str, Tensor]
    best: dict[str, Tensor]
    score: Score | None
    val_outputs: Tensor | None  # of `best`, where it was evaluated
    curve: tuple[CurveRow, ...]
    stopped: str  # "all epochs", "early stopping", "loss low enough" or "deadline"


def run_phase(
    network: Network,
    plan: PhasePlan,
    data: RunData,
    *,
    task: Task,
    seed: int,
    rung: str,
    listener: Listener,
    folder: Path | None = None,
    deadline: Deadline | None = None,
    interrupt: Interrupt | None = None,
    anchor: Mapping[str, Tensor] | None = None,
) -> PhaseResult:
    """Train `network` as `plan` says and leave the best weights in it.

    Args:
        network: in the state that the phase starts from, also when it is resumed.
        plan: compiled for this network.
        data: train and validation parts.
        task: loss and metrics.
        seed: of everything random.
        rung: name of the run in events.
        listener: is told of progress, measurements and decisions.
        folder: for checkpoints; what is found there is resumed, bit-exact on a CPU.
        deadline: training stops after the batch during which it passes.
        interrupt: its flag is looked at between batches.
        anchor: weights that L2-SP pulls back to; those at the start of the phase if not given.

    Raises:
        Interrupted: the flag was set; everything is saved in `folder`.
        TrainingError: training does not stay finite, or one sample does not fit into memory.
        RunError: checkpoints cannot be written.
    """
    context = Context(task, seed, rung, listener, folder, deadline or Deadline(None), interrupt or Interrupt())
    accelerator = make_accelerator()
    network.to(accelerator.device)
    network.to(memory_format=training_layout(network, accelerator.device))
    anchor = anchor if anchor is not None else copied(network)
    try:
        with own_generator(accelerator.device), Device.of(accelerator.device).fast():
            return _run(network, plan, data, context, accelerator, anchor)
    finally:
        freeze.release(network)


def _run(
    network: Network,
    plan: PhasePlan,
    data: RunData,
    context: Context,
    accelerator: Accelerator,
    anchor: Mapping[str, Tensor],
) -> PhaseResult:
    freeze.apply(network, plan)
    feed = Feed(network, plan, data, accelerator, derive(context.seed, "batches"), context.listener)
    files = PhaseFolder(context.folder) if context.folder is not None else None
    record = files.load_last() if files is not None else None
    progress = Progress.from_dict(record.state["progress"]) if record is not None else Progress()
    unknown = progress.auto is None and any(group.rate == "auto" for group in plan.groups)
    rates = base_rates(plan.groups, auto=1.0 if unknown else progress.auto)
    training = Training(network, plan, rates, feed.steps_per_epoch * plan.phase.epochs, progress)
    best = Best()
    if record is not None and files is not None:
        training.restore(record)
        best = Best.of(files.load_best())
        context.listener(Decided(f"{plan.phase.name}: resumed after epoch {progress.epoch}, batch {progress.batch}"))
    stepper = make_stepper(accelerator, training, feed, data, context, anchor)
    epochs = Epochs(training, stepper, feed, best, data, context, files)
    with divided(stepper, data, context):
        if not training.progress.finished:
            if training.progress.micro == 0:
                choose_micro(stepper, context)
            if unknown:
                training.progress.auto = find_rate(accelerator, training, feed, data, context, anchor)
                training.rates = base_rates(plan.groups, auto=training.progress.auto)
        stopped = epochs.run()
    last, best = training.result(), epochs.best
    final = best.state or last
    network.load_state_dict(final)
    return PhaseResult(last, final, best.score, best.outputs, tuple(training.progress.rows), stopped)
