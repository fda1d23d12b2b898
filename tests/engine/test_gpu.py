"""The path of a GPU, on a device that computes on the CPU and behaves like one (`tests.pretend`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from tests.engine.helpers import Told, make_data, make_network, phase_plan, train
from tests.engine.test_guard import Flaky, finite
from tests.pretend import NAME, at_hand, waits
from warmstart.cache.features import activations
from warmstart.cache.rows import Resident, StoredRows
from warmstart.engine import watch
from warmstart.engine.checkpoint import Record
from warmstart.engine.features import planned
from warmstart.engine.loop import PhaseResult, run_phase
from warmstart.engine.optim import base_rates
from warmstart.engine.stepper import Stepper
from warmstart.engine.training import Progress, Training
from warmstart.engine.watch import NonFiniteError, Watch
from warmstart.errors import Interrupted, TrainingError
from warmstart.evaluation.predict import predict_outputs
from warmstart.model.device import Device
from warmstart.planning.plan import CacheLimits
from warmstart.recipe.phase import Phase
from warmstart.task.classify import CLASSIFY
from warmstart.task.multilabel import MULTILABEL
from warmstart.task.regress import REGRESS

ALL = Phase(rates=(("*", 1e-3),), epochs=2, batch_size=8, schedule="constant", augment="standard", ema=0.9)
HEAD = Phase(rates=(("head", 1e-2), ("*", None)), epochs=3, batch_size=8, schedule="constant")


@pytest.fixture
def gpu() -> Iterator[torch.device]:
    with at_hand() as device:
        yield device


def losses(result: PhaseResult, name: str = "train_loss") -> list[float]:
    return [row.values[name] for row in result.curve]


@pytest.mark.parametrize("phase", [ALL, HEAD, ALL.model_copy(update={"norm": "train", "mixup": 0.2})])
def test_training_there_is_training_here(phase: Phase) -> None:
    here = train(phase, make_network(), make_data())
    with at_hand():
        network = make_network()
        there = train(phase, network, make_data())
        assert {p.device.type for p in network.parameters()} == {NAME}
    assert losses(there) == pytest.approx(losses(here), abs=1e-6)
    assert losses(there, "val_loss") == pytest.approx(losses(here, "val_loss"), abs=1e-6)
    for name, tensor in here.last.items():
        torch.testing.assert_close(there.last[name], tensor, rtol=0, atol=1e-5)


def test_no_step_waits_for_the_device(gpu: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    counted, begin = list[dict[str, int]](), Stepper.begin

    def watched(self: Stepper, *args: Any) -> None:
        with waits() as found:
            begin(self, *args)
        counted.append({name: n for name, n in found.items() if n})

    monkeypatch.setattr(Stepper, "begin", watched)
    train(ALL, make_network(), make_data())
    train(HEAD, make_network(), make_data())
    assert len(counted) == 2 * 3 + 3 * 3
    assert counted == [{}] * len(counted)


@pytest.mark.parametrize("task", [CLASSIFY, MULTILABEL, REGRESS])
def test_no_loss_waits_for_the_device_also_where_labels_are_missing(gpu: torch.device, task: Any) -> None:
    targets = (
        torch.tensor([0, -1, 2]) if task is CLASSIFY else torch.tensor([[0.0, 1.0, 0.0], [math.nan] * 3, [1.0] * 3])
    )
    outputs = torch.linspace(-1, 1, 9).reshape(3, 3)
    for some in (targets, targets[[1, 1, 1]]):
        here, there = outputs.clone().requires_grad_(), outputs.to(gpu).requires_grad_()
        task.loss(here, some).backward()
        with waits() as found:
            loss = task.loss(there, some.to(gpu))
            loss.backward()
        assert {name: n for name, n in found.items() if n} == {}
        assert here.grad is not None
        assert there.grad is not None
        assert torch.equal(there.grad.cpu(), here.grad)
        assert here.grad[1].abs().sum() == 0
        assert bool(here.grad.isfinite().all())


def test_extraction_waits_for_nothing_and_gives_what_it_gives_here(gpu: torch.device) -> None:
    network, data = make_network(), make_data()
    here = activations(data.wanted(network.facts.chain), -1, data.split.train)
    network.to(gpu)
    with waits() as found:
        there = activations(make_data().wanted(network.facts.chain), -1, data.split.train)
    del found["to the host"]  # of weights, for their hash
    assert {name: n for name, n in found.items() if n} == {}
    torch.testing.assert_close(there, here, rtol=0, atol=1e-6)
    assert there.device.type == "cpu"


def test_what_a_gpu_computes_has_an_address_of_its_own(gpu: torch.device) -> None:
    network, data = make_network(), make_data()
    here = data.wanted(network.facts.chain).space(-1)
    network.to(gpu)
    assert data.wanted(network.facts.chain).space(-1) != here


def test_outputs_are_those_of_the_cpu_in_order(gpu: torch.device) -> None:
    network, data = make_network(), make_data()
    here = predict_outputs(network, data.store, data.split.train, batch_size=4)
    there = predict_outputs(network.to(gpu), data.store, data.split.train, batch_size=4)
    torch.testing.assert_close(there, here, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", ["fp32", "bf16", "int8"])
def test_activations_on_the_device_train_as_those_in_memory_do(
    gpu: torch.device, monkeypatch: pytest.MonkeyPatch, dtype: Any
) -> None:
    def run() -> tuple[PhaseResult, Told]:
        data, told = make_data(), Told()
        data.limits = CacheLimits(dtype=dtype)
        return train(HEAD, make_network(), data, listener=told), told

    before, none = run()
    monkeypatch.setattr(Device, "free", 1 << 30)
    after, told = run()
    assert not none.decided("held on the device")
    assert len(told.decided("held on the device")) == 2  # of the training samples, and of those of validation
    assert losses(after) == losses(before)
    assert losses(after, "val_loss") == losses(before, "val_loss")


def test_resident_rows_are_the_stored_ones(gpu: torch.device) -> None:
    network, data = make_network(), make_data()
    data.limits = CacheLimits(dtype="int8")
    plan = phase_plan(HEAD, network, data)
    rows = planned(network, plan, data, data.split.train, Told())
    assert isinstance(rows, StoredRows)
    some = torch.tensor([5, 0, 23, 5])
    resident = Resident.of(rows, gpu)
    assert resident[some].device.type == NAME
    assert torch.equal(resident[some].cpu(), rows[some])
    assert rows.nbytes == sum(chunk.nbytes for chunk in rows.chunks)


def flaky(bad: frozenset[int], value: float, phase: Phase) -> tuple[PhaseResult, Told]:
    network, data, told = make_network(), make_data(), Told()
    plan = phase_plan(phase, network, data)
    task = Flaky(bad=bad, value=value)
    return run_phase(network, plan, data, task=task, seed=0, rung="test", listener=told), told


def test_a_step_that_is_not_finite_is_taken_back_though_it_is_heard_of_later(gpu: torch.device) -> None:
    phase = Phase(rates=(("*", 2e-3),), epochs=1, batch_size=2, schedule="constant", ema=0.9)  # 12 steps
    never, _ = flaky(frozenset(), math.inf, phase.model_copy(update={"rates": (("*", 1e-3),)}))
    once, told = flaky(frozenset({1}), math.inf, phase)
    assert len(told.decided("back to the start of epoch 1 at 1/2 of the rate")) == 1
    assert finite(once.last)
    for name, tensor in never.last.items():
        assert torch.equal(once.last[name], tensor)


def test_nothing_that_is_not_finite_reaches_a_weight_before_it_is_heard_of(
    gpu: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, begin = list[bool](), Stepper.begin
    monkeypatch.setattr(watch, "LATER", 3)

    def watched(self: Stepper, *args: Any) -> None:
        begin(self, *args)
        steps.append(self.training.finite())

    monkeypatch.setattr(Stepper, "begin", watched)
    with pytest.raises(TrainingError, match="does not stay finite"):
        flaky(frozenset(range(1000)), math.nan, Phase(rates=(("*", 1e-3),), epochs=1, batch_size=4))
    assert len(steps) == 4 * 3  # of each attempt those that were begun before the host heard of the first
    assert all(steps)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_a_fused_optimizer_leaves_out_what_the_watch_says(kind: Callable[..., torch.optim.Optimizer]) -> None:
    weight = nn.Parameter(torch.ones(3))
    optimizer = kind([weight], lr=0.1, fused=True)
    watching = Watch(optimizer, torch.device("cpu"), behind=True)
    weight.grad = torch.ones(3)
    watching.before(torch.tensor(1.0), torch.tensor(1.7), 2)
    optimizer.step()
    moved = weight.detach().clone()
    assert not torch.equal(moved, torch.ones(3))
    weight.grad = torch.full((3,), math.nan)
    with pytest.raises(NonFiniteError, match="gradient norm nan"):
        watching.before(torch.tensor(1.0), torch.tensor(math.nan), 2)
    optimizer.step()
    assert torch.equal(weight, moved)
    assert watching.told() == 0.0


def test_a_run_goes_on_where_it_stopped(gpu: torch.device, tmp_path: Any) -> None:
    whole = train(ALL, make_network(), make_data())
    network, data = make_network(), make_data()
    plan = phase_plan(ALL, network, data)
    told = Told()

    class Stop:
        stopped = False

        def __call__(self, event: object) -> None:
            told(event)  # type: ignore[arg-type]
            self.stopped = sum(type(e).__name__ == "Advanced" for e in told.events) > 4

    stop = Stop()
    with pytest.raises(Interrupted):
        train(plan, network, data, listener=stop, folder=tmp_path, interrupt=stop)
    resumed = train(plan, make_network(), data, folder=tmp_path)
    assert losses(resumed) == losses(whole)
    for name, tensor in whole.last.items():
        assert torch.equal(resumed.last[name], tensor)


def test_the_optimizer_counts_its_steps_where_it_steps(gpu: torch.device) -> None:
    network, data = make_network(), make_data()
    network.to(gpu)
    plan = phase_plan(HEAD, network, data)
    training = Training(network, plan, base_rates(plan.groups), 3, Progress())
    network.head(torch.ones(2, network.facts.out_features, device=gpu)).sum().backward()
    training.optimizer.step()
    record = training.capture(full=False)
    training.restore(Record({name: tensor.cpu() for name, tensor in record.tensors.items()}, record.state))  # of a file
    state = next(iter(training.optimizer.state.values()))
    assert {tensor.device.type for tensor in state.values()} == {NAME}
