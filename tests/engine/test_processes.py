"""Several processes at one run: what comes of it is what one process would have made."""

from __future__ import annotations

import dataclasses
import math
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.helpers import Told, make_data, make_network, phase_plan, train
from warmstart.cache.chunk import read_keys
from warmstart.data.schema import ClassTarget
from warmstart.engine import launching, sharing
from warmstart.engine.data import RunData
from warmstart.engine.dividing import FINE, FULL, Order, Part, Share
from warmstart.engine.loop import PhaseResult
from warmstart.engine.processes import Group, LostError, UnsendableError, within
from warmstart.engine.run import run_recipe
from warmstart.errors import ImageError, RunError
from warmstart.evaluation.predict import predict_outputs
from warmstart.model.network import Network
from warmstart.planning.plan import CacheLimits
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import Phase
from warmstart.task.classify import CLASSIFY

FROZEN = Phase(rates=(("head", 1e-2), ("block:-1", 1e-2), ("*", None)), epochs=2, batch_size=8, optimizer="sgd")
WHOLE = Phase(rates=(("*", 1e-2),), epochs=2, batch_size=8, class_weights="balanced", l2_sp=0.1, ema=0.9)
MIXED = Phase(rates=(("*", 1e-2),), epochs=1, batch_size=8, mixup=0.2, augment="light", optimizer="sgd")


@pytest.fixture(scope="module")
def two() -> Iterator[Group]:
    """This process and another, for all tests of this file."""
    helpers = launching._Helpers(2)
    yield helpers.group
    helpers.stop()
    assert [helper.returncode for helper in helpers.started] == [0], "it went when it was let go"


@pytest.fixture(autouse=True)
def _always_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sharing.WORTH, "cpu", 0.0)
    monkeypatch.setattr("warmstart.cache.features.WORTH_SHARING", 4)
    monkeypatch.setattr("warmstart.evaluation.predict.WORTH_SHARING", 4)


def by_both(group: Group, phase: Phase, data: RunData, network: Network | None = None) -> PhaseResult:
    told = Told()
    with within(group):
        result = train(phase, network or make_network(), data, listener=told)
    assert told.decided("each batch is divided over 2 processes")
    return result


def test_both_work_and_what_one_of_them_raises_is_raised_with_its_number(two: Group) -> None:
    pids = two.shared(os.getpid)
    assert pids[0] == os.getpid()
    assert len(set(pids)) == 2
    with pytest.raises(RunError, match=r"process 1: ValueError"):
        two.shared(math.sqrt, -1.0, here=lambda: 0.0)
    with pytest.raises(ZeroDivisionError):
        two.shared(math.sqrt, 1.0, here=lambda: 1 / 0)
    with pytest.raises(UnsendableError):
        two.shared(lambda: 1)
    assert two.shared(math.sqrt, 4.0) == [2.0, 2.0]


@pytest.mark.parametrize("phase", [WHOLE, MIXED], ids=["whole", "mixed"])
def test_a_phase_of_two_processes_ends_in_the_weights_of_one(two: Group, phase: Phase) -> None:
    """Of 21 samples the last batch of 8 has 5; there are class weights, a penalty, an average, mixed samples."""
    alone = train(phase, make_network(), make_data(train=21))
    both = by_both(two, phase, make_data(train=21))
    assert both.last.keys() == alone.last.keys()
    for name, tensor in alone.last.items():
        torch.testing.assert_close(both.last[name], tensor, rtol=1e-4, atol=2e-6, msg=name)
    assert both.val_outputs is not None
    torch.testing.assert_close(both.val_outputs, alone.val_outputs, rtol=1e-4, atol=1e-5)
    for mine, its in zip(both.curve, alone.curve, strict=True):
        assert mine.values["train_loss"] == pytest.approx(its.values["train_loss"], rel=1e-5)
        assert mine.values["val_accuracy"] == its.values["val_accuracy"]


@pytest.mark.parametrize(
    ("folder", "memory"), [(True, 0), (True, 2**30), (False, 2**30)], ids=["mapped", "held", "only"]
)
def test_activations_are_computed_once_each_by_one_of_the_two(
    two: Group, tmp_path: Path, folder: bool, memory: int
) -> None:
    """Mapped from the disk, held in memory, and where there is no folder to share them by."""

    def data() -> RunData:
        made = make_data(train=40, val=20, folder=tmp_path / "cache" if folder else None)
        return dataclasses.replace(made, limits=CacheLimits(memory=memory))

    both = by_both(two, FROZEN, data())
    chunks = [read_keys(path) for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    keys = [key for chunk in chunks for key in chunk]
    assert len(keys) == len(set(keys)) == (60 if folder else 0)
    assert len(chunks) == (4 if folder else 0), "a share of each process, of training and of validation"
    alone = train(FROZEN, make_network(), make_data(train=40, val=20))
    for name, tensor in alone.last.items():
        torch.testing.assert_close(both.last[name], tensor, rtol=1e-4, atol=2e-6, msg=name)


def test_low_rank_matrices_are_trained_by_both(two: Group) -> None:
    recipe = load_recipe("lora", rank=2, epochs=1, batch_size=7, lr=0.05)
    told = Told()

    def trained() -> dict[str, torch.Tensor]:
        network = run_recipe(recipe, make_network(), make_data(21), task=CLASSIFY, listener=told).network
        return network.state_dict()

    alone = trained()
    with within(two):
        both = trained()
    assert told.decided("each batch is divided over 2 processes")
    for name, tensor in alone.items():
        torch.testing.assert_close(both[name], tensor, rtol=1e-4, atol=2e-6, msg=name)


def test_outputs_come_in_the_order_of_the_samples(two: Group) -> None:
    data, network = make_data(train=12), make_network().eval()
    order = np.random.default_rng(0).permutation(21)
    alone = predict_outputs(network, data.store, order, batch_size=4)
    with within(two):
        both = predict_outputs(network, data.store, order, batch_size=4)
    torch.testing.assert_close(both, alone, rtol=1e-5, atol=1e-6)


def test_an_image_that_only_the_other_process_reads_is_named(two: Group, tmp_path: Path) -> None:
    data = make_data(train=40)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    samples = [
        dataclasses.replace(one, source=broken) if i >= 24 else one for i, one in enumerate(data.dataset.samples)
    ]
    dataset = dataclasses.replace(data.dataset, samples=tuple(samples), target=ClassTarget(("red", "green", "blue")))
    data = dataclasses.replace(data, dataset=dataset, store=type(data.store)(dataset, data.spec))  # type: ignore[arg-type]
    with within(two), pytest.raises(ImageError, match=r"broken\.png"):
        predict_outputs(make_network(), data.store, range(32), batch_size=16)
    assert two.shared(math.sqrt, 4.0) == [2.0, 2.0], "both wait for what comes next"


def test_a_step_whose_batches_are_small_is_done_by_one(two: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sharing.WORTH, "cpu", 1e15)
    told = Told()
    with within(two):
        train(FROZEN, make_network(), make_data(), listener=told)
    assert told.decided("trained by one process, since a batch takes less time than to divide it")


def test_a_step_whose_loss_is_of_the_whole_batch_is_done_by_one(two: Group) -> None:
    told, recipe = Told(), load_recipe("contrastive", epochs=1)
    with within(two):
        run_recipe(recipe, make_network(), make_data(21), task=CLASSIFY, listener=told)
    assert told.decided("trained by one process, since the loss of a batch is one of all its samples together")


class Pretended(Group):
    """Two processes of which the other says what it is told to."""

    def __init__(self, other: Callable[[], list[float]]) -> None:
        super().__init__(0, 2, lambda: None)
        self._other = other

    def broadcast(self, tensors: object) -> None:
        pass

    def summed(self, tensors: object) -> None:
        pass

    def everyones(self, numbers: object) -> torch.Tensor:
        return torch.tensor([numbers, self._other()], dtype=torch.float64)


def test_memory_that_does_not_suffice_in_another_process_is_said_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from accelerate import Accelerator

    from warmstart.engine.assemble import make_stepper
    from warmstart.engine.context import Context
    from warmstart.engine.deadline import Deadline
    from warmstart.engine.events import silent
    from warmstart.engine.feed import Feed
    from warmstart.engine.interrupt import Interrupt
    from warmstart.engine.training import Progress, Training

    data, network = make_data(), make_network()
    plan, accelerator = phase_plan(WHOLE, network, data), Accelerator()
    feed = Feed(network, plan, data, accelerator, 0, silent)
    training = Training(network, plan, [0.1] * len(plan.groups), 9, Progress(micro=8))
    context = Context(CLASSIFY, 0, "", silent, None, Deadline(None), Interrupt())
    stepper = make_stepper(accelerator, training, feed, data, context, None)
    batch = next(iter(feed.train(0)))
    full = Part(stepper, Pretended(lambda: [FULL, 0.0, 0.0])).gradients(Order(0, 0, 0, 8), lambda: batch)
    assert (full[0], math.isnan(full[1])) == (FULL, True)
    fine = Part(stepper, Pretended(lambda: [FINE, 8.0, 3.0])).gradients(Order(0, 0, 0, 8), lambda: batch)
    own = stepper.contribute(batch, 0, 0, lambda n: slice(n))
    assert fine[0] == FINE
    assert fine[1] == pytest.approx((own[0] * own[1] + 3.0 * 8.0) / (own[1] + 8.0))


@pytest.mark.parametrize("least", [1, 2])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 33])
def test_shares_are_all_of_a_batch_and_nearly_equal(n: int, least: int) -> None:
    shares = [range(n)[Share(rank, 4, least).of(n)] for rank in range(4)]
    assert [i for share in shares for i in share] == list(range(n))
    sizes = [len(share) for share in shares if len(share)]
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= min(n, least)


def test_a_process_that_dies_ends_the_work_with_words() -> None:
    helpers = launching._Helpers(2)
    try:
        os.kill(helpers.started[0].pid, signal.SIGKILL)
        with pytest.raises(LostError, match="process 1 of this run was killed by signal 9"):
            helpers.group.shared(os.getpid)
    finally:
        helpers.stop()


def test_what_launchers_say_is_understood_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "MASTER_ADDR", "ACCELERATE_USE_CPU", "ACCELERATE_USE_FSDP"):
        monkeypatch.delenv(name, raising=False)
    assert launching.in_processes(None, lambda: 7) == 7
    with pytest.raises(RunError, match="0 processes"):
        launching.in_processes(0, lambda: 7)
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(RunError, match="2 processes are asked for, and there are 3"):
        launching.in_processes(2, lambda: 7)
    with pytest.raises(RunError, match="launched as 3 processes, each of which would do all of this"):
        train(FROZEN, make_network(), make_data())
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(RunError, match="divides the weights"):
        launching.in_processes(None, lambda: 7)
