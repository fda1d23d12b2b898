"""A batch that does not fit goes through in parts, with the same result."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.helpers import Told, make_data, make_network, phase_plan, state_of, train
from warmstart.engine.memory import SHARE, estimate_micro, is_out_of_memory, parts, until_it_fits
from warmstart.errors import TrainingError
from warmstart.model.network import Network
from warmstart.recipe.phase import Phase

PHASE = Phase(rates=(("*", 1e-2),), epochs=2, batch_size=8, optimizer="sgd", weight_decay=0.0, class_weights="balanced")


def with_room_for(network: Network, samples: int) -> Network:
    """The network, out of memory as soon as more samples than that go through its head in training."""

    def refuse(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if torch.is_grad_enabled() and len(inputs[0]) > samples:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")

    network.head.register_forward_pre_hook(refuse)
    return network


def test_on_out_of_memory_the_micro_batch_is_halved_and_the_result_stays() -> None:
    data, roomy, tight, told = make_data(train=25), make_network(), make_network(), Told()
    a = train(PHASE, roomy, data)
    b = train(PHASE, with_room_for(tight, 3), data, listener=told)
    assert [row.step for row in a.curve] == [row.step for row in b.curve]
    assert a.curve[-1].values["train_loss"] == pytest.approx(b.curve[-1].values["train_loss"], abs=1e-5)
    for name, tensor in a.last.items():
        torch.testing.assert_close(tensor, b.last[name], rtol=0, atol=1e-5)
    assert [event.details["micro_batch"] for event in told.decided("out of memory")] == [4, 2]


def test_a_repeated_step_counts_once_in_normalisation_statistics() -> None:
    data, network = make_data(train=8), with_room_for(make_network(), 4)
    train(Phase(epochs=1, batch_size=8, norm="train"), network, data)
    counters = [value for name, value in state_of(network).items() if name.endswith("num_batches_tracked")]
    assert {int(value) for value in counters} == {2}  # two halves; the attempt that failed is forgotten


def test_one_sample_that_does_not_fit_is_an_error_that_says_so() -> None:
    with pytest.raises(TrainingError, match="one sample"):
        train(PHASE, with_room_for(make_network(), 0), make_data())


def test_other_errors_of_the_network_are_not_taken_for_want_of_memory() -> None:
    network = make_network()

    def broken(module: torch.nn.Module, inputs: object) -> None:
        raise RuntimeError("shapes do not fit")

    network.head.register_forward_pre_hook(broken)
    with pytest.raises(RuntimeError, match="shapes"):
        train(PHASE, network, make_data())


def test_the_micro_batch_is_estimated_from_the_memory_there_is_and_told() -> None:
    network, data, told = make_network(), make_data(), Told()
    plan = dataclasses.replace(phase_plan(PHASE, network, data), memory=100 << 20)
    assert estimate_micro(network, plan, available=1 << 40) == 8
    assert estimate_micro(network, plan, available=int((60 << 20) / SHARE)) == 4
    assert estimate_micro(network, plan, available=0) == 1
    train(plan, network, data, listener=told)
    assert told.decided("micro-batch 8 x 1")


@given(n=st.integers(1, 300), micro=st.integers(1, 64), least=st.sampled_from([1, 2]))
def test_parts_cover_a_batch_in_order_and_respect_their_bounds(n: int, micro: int, least: int) -> None:
    cut = parts(n, micro, least)
    assert [i for part in cut for i in range(n)[part]] == list(range(n))
    sizes = [part.stop - part.start for part in cut]
    assert max(sizes) <= max(micro, 2 * least - 1)
    assert min(sizes) >= min(least, n)


def test_work_without_side_effects_is_repeated_at_half_the_size_until_it_fits() -> None:
    tried: list[int] = []

    def call(size: int) -> str:
        tried.append(size)
        if size > 10:
            raise MemoryError
        return "done"

    assert until_it_fits(call, 64) == "done"
    assert tried == [64, 32, 16, 8]
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"))
