"""One trunk for several tasks: the losses, the gradients, and what balances them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.helpers import Told, changed, identical, phase_plan, state_of
from warmstart.cache.store import ActivationStore
from warmstart.data.batches import Batch
from warmstart.data.onetask import one_task
from warmstart.data.pixels import PixelStore
from warmstart.data.schema import Dataset, Split
from warmstart.data.sources import load
from warmstart.engine import freeze
from warmstart.engine.assemble import make_stepper
from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.device import make_accelerator
from warmstart.engine.events import Advanced
from warmstart.engine.feed import Feed
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.loop import PhaseResult, run_phase
from warmstart.engine.run import refuse_training
from warmstart.engine.stepper import Stepper
from warmstart.engine.training import Progress, Training, copied
from warmstart.errors import Interrupted, MissingExtraError, RecipeError
from warmstart.methods.multitask.balance import GradNorm, Uncertainty
from warmstart.methods.multitask.jacobian import _nash, _projector
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.model.several import SeveralHead
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import BalanceName, Phase
from warmstart.task.base import task_of
from warmstart.task.classify import CLASSIFY
from warmstart.task.network import network_for

BALANCES = get_args(BalanceName)


def make_data(n: int = 40) -> RunData:
    """Images whose red tells a class and whose blue a number; a third of the numbers is missing."""
    rng = np.random.default_rng(0)
    kinds, sizes = rng.integers(0, 2, n), rng.random(n)
    images = rng.integers(0, 80, (n, 32, 32, 3))
    images[..., 0] += 90 * kinds[:, None, None]
    images[..., 2] += (150 * sizes[:, None, None]).astype(int)
    labels = {
        "kind": ["ab"[k] for k in kinds],
        "size": [None if i % 3 == 0 else v for i, v in enumerate(sizes)],
    }
    dataset: Dataset = load((images.astype(np.uint8), labels), task="kind=classify,size=regress")
    spec = load_backbone("toy").preprocess
    split = Split(np.arange(n - 8), np.arange(n - 8, n), np.arange(0), how="by hand")
    return RunData(dataset, split, PixelStore(dataset, spec), spec, ActivationStore(None, budget_bytes=1 << 28))


def phase(balance: str = "sum", **options: Any) -> Phase:
    options = {"rates": (("*", 1e-2),), "epochs": 2, "batch_size": 16, "clip": None, **options}
    return Phase.model_validate({"balance": balance, **options})


def network_of(data: RunData) -> Network:
    return network_for(load_backbone("toy"), data.dataset.target)


def stepper_of(wanted: Phase, data: RunData, told: Told | None = None) -> Stepper:
    network, accelerator = network_of(data), make_accelerator()
    plan = phase_plan(wanted, network, data)
    freeze.apply(network, plan)
    context = Context(task_of(data.dataset.target), 0, "test", told or Told(), None, Deadline(None), Interrupt())
    feed = Feed(network, plan, data, accelerator, 0, context.listener)
    training = Training(network, plan, [1e-2] * len(plan.groups), 10, Progress(micro=16))
    return make_stepper(accelerator, training, feed, data, context, copied(network))


def trained(wanted: Phase, data: RunData, network: Network, **options: Any) -> PhaseResult:
    plan = phase_plan(wanted, network, data)
    how: dict[str, Any] = {"seed": 0, "rung": "test", "listener": Told(), **options}
    return run_phase(network, plan, data, task=task_of(data.dataset.target), **how)


def gradients(stepper: Stepper, batch: Batch) -> dict[str, Tensor]:
    stepper.gradients(batch, 0)
    named = stepper.training.network.named_parameters()
    return {name: p.grad.clone() for name, p in named if p.grad is not None}


@pytest.mark.parametrize("balance", BALANCES)
def test_it_trains_and_the_trunk_runs_once_for_each_batch(balance: str) -> None:
    data = make_data()
    network, passes = network_of(data), list[int]()
    network.backbone.register_forward_hook(lambda *_: passes.append(1))  # not of validation, which starts at no cut
    before = state_of(network)
    first = next(iter(network.facts.chain.blocks)).parameters
    result = trained(phase(balance, epochs=5), data, network)
    losses = [row.values["train_loss"] for row in result.curve]
    assert losses[-1] < losses[0]
    assert {f"backbone.{name}" for name in first} <= changed(before, result.last)
    stepper, seen = stepper_of(phase(balance), data), list[int]()
    stepper.training.network.head.register_forward_hook(lambda *_: seen.append(1))
    for batch in stepper.feed.train(0):
        stepper.step(batch, 0)
    assert len(seen) == len(stepper.feed.train(0))


@pytest.mark.parametrize("balance", ["sum", "upgrad", "gradnorm"])
def test_parts_of_a_batch_give_the_gradient_of_the_whole(balance: str) -> None:
    data, found = make_data(), []
    for micro in (16, 5):
        stepper = stepper_of(phase(balance), data)
        stepper.training.progress.micro = micro
        found.append(gradients(stepper, next(iter(stepper.feed.train(0)))))
    for name, whole in found[0].items():
        torch.testing.assert_close(found[1][name], whole, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("balance", ["pcgrad", "upgrad", "cagrad"])
def test_a_head_has_the_gradient_of_its_own_loss(balance: str) -> None:
    data = make_data()
    ours, plain = (stepper_of(phase(one), data) for one in (balance, "sum"))
    batch = next(iter(plain.feed.train(0)))
    mine, wanted = gradients(ours, batch), gradients(plain, batch)
    assert mine.keys() == wanted.keys()
    for name in (name for name in wanted if name.startswith("head.")):
        torch.testing.assert_close(mine[name], wanted[name], rtol=1e-4, atol=1e-6)


def test_gradients_that_agree_are_added_up() -> None:
    """Without a conflict PCGrad and UPGrad are the sum."""
    data = make_data()
    alone = one_task(data.dataset, "kind")
    labels = [sample.label for sample in alone.samples]
    same = load(([sample.source for sample in alone.samples], {"a": labels, "b": labels}), task="several")
    assert isinstance(data.store, PixelStore)
    twice = dataclasses.replace(data, dataset=same, store=PixelStore(same, data.store.spec))
    steppers = [stepper_of(phase(one), twice) for one in ("sum", "pcgrad", "upgrad")]
    for stepper in steppers:
        head = stepper.training.network.head
        assert isinstance(head, SeveralHead)
        head.heads[1].load_state_dict(head.heads[0].state_dict())
    batch = next(iter(steppers[0].feed.train(0)))
    wanted, *others = [gradients(stepper, batch) for stepper in steppers]
    for other in others:
        for name, one in wanted.items():
            torch.testing.assert_close(other[name], one, rtol=1e-3, atol=1e-5)


def test_the_projection_is_that_of_the_quadratic_program() -> None:
    solver = pytest.importorskip("quadprog")
    projector = _projector()
    for seed in range(20):
        jacobian = np.random.default_rng(seed).normal(size=(3, 5))
        gram = jacobian @ jacobian.T
        scaled = gram / np.trace(gram) + 1e-4 * np.eye(3)
        units = np.eye(3)
        ours = projector(torch.from_numpy(units), torch.from_numpy(gram)).numpy()
        theirs = [solver.solve_qp(2 * scaled, np.zeros(3), np.eye(3), unit)[0] for unit in units]
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_variances_are_learned_as_the_paper_has_them() -> None:
    """At its optimum exp(-s) is 1 / (2 L) of a class and 1 / L of a squared error (Kendall et al. 2018)."""
    beside: dict[str, Tensor] = {}
    rule = Uncertainty(lambda loss: None, [False, True], beside, lr=0.05)
    for _ in range(800):
        rule.begin(torch.tensor([True, True]))
        rule.finish(torch.tensor([0.2, 3.0]))
    assert torch.exp(-beside["uncertainty"]).tolist() == pytest.approx([2.5, 1 / 3.0], rel=0.02)
    rule.begin(torch.tensor([True, False]))
    before = beside["uncertainty"].clone()
    rule.finish(torch.tensor([9.0, 0.0]))
    assert beside["uncertainty"][1] == before[1], "a task without a label in the batch keeps its variance"


def test_gradnorm_pulls_tasks_of_unlike_scale_alike() -> None:
    trunk = torch.nn.Parameter(torch.ones(4))
    targets = torch.eye(2, 4)
    rule = GradNorm(lambda loss: None, [trunk], 2, {})
    for _ in range(600):
        losses = torch.stack([10 * (trunk * targets[0]).square().sum(), 0.1 * (trunk * targets[1]).square().sum()])
        rule.begin(torch.tensor([True, True]))
        rule.backward(losses, trunk)
        rule.finish(losses.detach())
    pulls = rule.weights * torch.tensor([10.0, 0.1])
    assert float(rule.weights.sum()) == pytest.approx(2.0)
    assert float(pulls[0] / pulls[1]) == pytest.approx(1.0, rel=0.2)


@pytest.mark.parametrize("balance", ["uncertainty", "gradnorm", "nashmtl"])
def test_a_run_that_was_stopped_goes_on_with_what_it_had_learned(balance: str, tmp_path: Path) -> None:
    data, wanted = make_data(), phase(balance, epochs=3)
    whole = trained(wanted, data, network_of(data))
    flag, steps = Interrupt(), list[int]()

    def stop(event: object) -> None:
        steps.extend([1] if isinstance(event, Advanced) else [])
        flag.stopped = len(steps) > 3

    with pytest.raises(Interrupted):
        trained(wanted, data, network_of(data), folder=tmp_path, interrupt=flag, listener=stop)
    assert identical(whole.last, trained(wanted, data, network_of(data), folder=tmp_path).last)


def test_where_nothing_is_shared_it_is_told_and_the_sum_trains() -> None:
    data, told = make_data(), Told()
    stepper_of(phase("pcgrad", rates=(("head", 1e-2), ("*", None))), data, told)
    assert told.decided("nothing that the tasks share is trained")


def test_what_balances_is_refused_where_it_makes_no_sense_or_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    several = task_of(make_data().dataset.target)
    refuse_training(load_recipe("finetune", balance="upgrad"), several)
    with pytest.raises(RecipeError, match="there is one task"):
        refuse_training(load_recipe("finetune", balance="upgrad"), CLASSIFY)
    mixed = load_recipe("finetune").model_copy(update={"steps": (phase(mixup=0.2),)})
    with pytest.raises(RecipeError, match="mixup"):
        refuse_training(mixed, several)
    with pytest.raises(RecipeError, match="several tasks"):
        refuse_training(load_recipe("contrastive"), several)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="multitask"):
        refuse_training(load_recipe("finetune", balance="upgrad"), several)


def test_a_solver_under_the_gpl_is_named_with_its_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ImportError("ecos")

    monkeypatch.setattr("torchjd.aggregation.NashMTL", missing)
    with pytest.raises(RecipeError, match=r"ecos \(GPL"):
        _nash(2)
