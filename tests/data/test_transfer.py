"""Batches reach a device as they were, in their order, and results come back in theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.engine.helpers import make_data
from warmstart.data import transfer
from warmstart.data.batches import Batch, ImageBatches
from warmstart.data.stores import batches_of, batches_on, images_of
from warmstart.data.transfer import Landing, Onto
from warmstart.preprocess.image import normalise, normalised
from warmstart.preprocess.spec import PreprocessSpec

META = torch.device("meta")
"""A device that is not the CPU; tensors are never really put there."""


class Late:
    """`Copies` of a device whose copies are done only when they are waited for, as on a stream beside."""

    log: list[str]

    def __init__(self, device: torch.device) -> None:
        Late.log = []

    def onto(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        self.log.append("onto")
        return [tensor.clone() for tensor in tensors]

    def back(self, tensor: Tensor) -> tuple[Tensor, Callable[[], Any]]:
        landed = torch.full_like(tensor, -1.0)
        self.log.append("begun")

        def wait() -> None:
            self.log.append("waited")
            landed.copy_(tensor)

        return landed, wait


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> type[Late]:
    monkeypatch.setattr(transfer, "copies", Late)
    return Late


def test_the_batches_on_a_device_are_those_on_the_host_in_their_order(late: type[Late]) -> None:
    data = make_data()
    how = {"batch_size": 5, "shuffle": True, "seed": 3, "epoch": 1, "augment": "standard"}
    host = list(batches_of(data.store, data.split.train, **how))
    there = batches_on(META, data.store, data.split.train, **how)
    assert len(there) == len(host)
    for own, other in zip(host, there, strict=True):
        assert torch.equal(own.inputs, other.inputs)
        assert torch.equal(own.targets, other.targets)
        assert torch.equal(own.index, other.index)


def test_a_batch_is_sent_when_it_is_asked_for_and_not_before(late: type[Late]) -> None:
    one = Batch(torch.ones(2, 1), torch.zeros(2), torch.arange(2))
    going = iter(Onto([one, one, one], META))
    next(going)
    assert late.log == ["onto"]


def test_a_cpu_is_handed_the_batch_itself() -> None:
    one = Batch(torch.ones(2, 1), torch.zeros(2), torch.arange(2))
    assert next(iter(Onto([one], torch.device("cpu")))) is one


@given(st.integers(0, 12), st.integers(0, 4))
def test_results_land_in_order_and_no_more_than_a_few_are_under_way(count: int, unread: int) -> None:
    got, before = list[float](), transfer.copies
    transfer.copies = Late
    try:
        landing = Landing(META, unread)
        for value in range(count):
            landing.take(torch.tensor(float(value)), lambda x: got.append(float(x)))
            assert len(got) == max(0, value + 1 - unread)
        landing.settle()
    finally:
        transfer.copies = before
    assert got == [float(value) for value in range(count)]


def test_what_is_dropped_never_lands(late: type[Late]) -> None:
    got = list[Tensor]()
    landing = Landing(META)
    landing.take(torch.ones(()), got.append)
    landing.drop()
    landing.settle()
    assert got == []


@given(
    st.sampled_from([1, 3, 4]),
    st.sampled_from([((0.5,), (0.25,)), ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]),
    st.integers(0, 2**32 - 1),
)
def test_pixels_are_normalised_where_they_lie_as_on_the_host_bit_for_bit(
    n: int, stats: tuple[tuple[float, ...], tuple[float, ...]], seed: int
) -> None:
    spec = PreprocessSpec(size=8, mean=stats[0], std=stats[1])
    pixels = torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (n, len(stats[0]), 8, 8), np.uint8))
    assert torch.equal(normalised(pixels, spec), normalise(pixels, spec))


def test_raw_batches_hold_the_pixels_a_quarter_of_the_bytes() -> None:
    data = make_data()
    store = images_of(data.store)
    (raw,) = ImageBatches(store, [0, 1, 2], batch_size=3, raw=True)
    (whole,) = ImageBatches(store, [0, 1, 2], batch_size=3)
    assert raw.inputs.dtype == torch.uint8
    assert raw.inputs.is_contiguous(memory_format=torch.channels_last)
    assert 4 * raw.inputs.nbytes == whole.inputs.nbytes
    assert torch.equal(raw.inputs[1], store.get(1))
