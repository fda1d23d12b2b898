"""Pixels and batches. Row numbers are those of the list of known faults."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.data.conftest import Maker
from warmstart.data import pixels
from warmstart.data.batches import ActivationBatches, Batch, ImageBatches, PixelStore, batch_order
from warmstart.data.schema import Dataset
from warmstart.data.sources import load
from warmstart.errors import ImageError
from warmstart.preprocess.bands import Bands
from warmstart.preprocess.image import decode_for, prepare
from warmstart.preprocess.reader import Decoded, Source, read_image
from warmstart.preprocess.spec import PreprocessSpec

SPEC = PreprocessSpec(size=16, crop_pct=0.8)


@pytest.fixture
def data() -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, (21, 20, 26, 3), np.uint8)
    return load((images, [i % 3 for i in range(21)]))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets an entry for every image that the store decodes."""
    calls: list[int] = []

    def counting(source: Source, spec: PreprocessSpec) -> Decoded | Bands:
        calls.append(1)
        return decode_for(source, spec)

    monkeypatch.setattr(pixels, "decode_for", counting)
    return calls


def same(a: list[Batch], b: list[Batch]) -> bool:
    return len(a) == len(b) and all(
        torch.equal(x.inputs, y.inputs) and torch.equal(x.targets, y.targets) and torch.equal(x.index, y.index)
        for x, y in zip(a, b, strict=True)
    )


@given(
    n=st.integers(0, 70),
    size=st.integers(1, 20),
    shuffle=st.booleans(),
    seed=st.integers(0, 2**32),
    epoch=st.integers(0, 50),
)
def test_batches_hold_every_position_once_and_training_has_no_batch_of_one(
    n: int, size: int, shuffle: bool, seed: int, epoch: int
) -> None:
    """Row 22."""
    batches = batch_order(n, size, shuffle, seed, epoch)
    assert sorted(int(i) for batch in batches for i in batch) == list(range(n))
    assert all(len(batch) in (size, size + 1) for batch in batches[:-1])
    if shuffle and size > 1 and n > 1:
        assert min(map(len, batches)) > 1
    again = batch_order(n, size, shuffle, seed, epoch)
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))


def test_order_depends_on_seed_and_epoch() -> None:
    orders = {tuple(batch_order(20, 20, True, seed, epoch)[0]) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9
    assert batch_order(5, 2, False, 3, 4)[0].tolist() == [0, 1]


def test_a_batch_size_of_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="batch_size is 0"):
        batch_order(5, 0, False, 0, 0)


def test_evaluation_sees_prepared_images_with_their_targets(data: Dataset) -> None:
    batches = list(ImageBatches(PixelStore(data, SPEC), [5, 3, 8], batch_size=2))
    assert [batch.index.tolist() for batch in batches] == [[5, 3], [8]]
    assert [batch.targets.tolist() for batch in batches] == [[2, 0], [2]]
    images = [read_image(data.samples[i].source) for i in (5, 3, 8)]
    assert torch.equal(torch.cat([batch.inputs for batch in batches]), prepare(images, SPEC))
    assert batches[0].inputs.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("augment", ["none", "standard"])
def test_the_number_of_threads_and_what_is_kept_change_nothing(augment: str, data: Dataset) -> None:
    """Row 25: augmentation is seeded by epoch and sample."""

    def run(workers: int, budget: int, epoch: int = 1) -> list[Batch]:
        store = PixelStore(data, SPEC, budget_bytes=budget)
        return list(
            ImageBatches(
                store, range(21), batch_size=4, shuffle=True, seed=3, epoch=epoch, augment=augment, workers=workers
            )
        )

    first = run(0, 2**30)
    assert [len(batch.index) for batch in first] == [4, 4, 4, 4, 5]  # row 22
    assert all(same(first, run(workers, budget)) for workers in (1, 2, 5) for budget in (0, 10_000, 2**30))
    assert not same(first, run(0, 2**30, epoch=2))


def test_two_samples_are_not_augmented_alike(data: Dataset) -> None:
    """Row 25."""
    image = np.random.default_rng(0).integers(0, 256, (20, 26, 3), np.uint8)
    twins = load(([image] * 4, list("aabb")))
    (batch,) = ImageBatches(PixelStore(twins, SPEC), range(4), batch_size=4, augment="light")
    assert len({picture.numpy().tobytes() for picture in batch.inputs}) == 4


def test_going_on_in_an_epoch_gives_the_batches_that_were_left(data: Dataset) -> None:
    """Row 26."""
    store = PixelStore(data, SPEC)

    def run(skip: int) -> ImageBatches:
        return ImageBatches(store, range(21), batch_size=4, shuffle=True, seed=1, augment="light", skip=skip)

    assert same(list(run(3)), list(run(0))[3:])
    assert len(run(3)) == 2


def test_activations_come_in_the_same_batches_as_images(data: Dataset) -> None:
    indices = np.arange(20, -1, -2)
    activations = torch.from_numpy(indices).float()[:, None]
    targets = torch.from_numpy(data.labels[indices])
    for skip in (0, 1):
        images = ImageBatches(PixelStore(data, SPEC), indices, batch_size=5, shuffle=True, seed=4, epoch=2, skip=skip)
        rows = ActivationBatches(activations, targets, indices, batch_size=5, shuffle=True, seed=4, epoch=2, skip=skip)
        assert len(images) == len(rows)
        for image, row in zip(images, rows, strict=True):
            assert torch.equal(image.index, row.index)
            assert torch.equal(image.targets, row.targets)
            assert row.inputs[:, 0].tolist() == row.index.tolist()


def test_activations_and_their_indices_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="3 activations, 3 targets, 2 indices"):
        ActivationBatches(torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64), [0, 1], batch_size=2)


def test_stopping_early_leaves_no_thread_behind(data: Dataset) -> None:
    before = threading.active_count()
    for _ in ImageBatches(PixelStore(data, SPEC), range(21), batch_size=2, workers=3):
        break
    assert threading.active_count() == before


def test_an_image_that_cannot_be_read_stops_the_epoch_and_is_named(tree: Maker) -> None:
    root = tree("a/1.png", "a/2.png", "b/1.png")
    data = load(root)
    (root / "a/2.png").write_bytes(b"gone bad")
    for workers in (0, 2):
        with pytest.raises(ImageError, match=r"2\.png"):
            list(ImageBatches(PixelStore(data, SPEC), range(3), batch_size=2, workers=workers))


def test_each_image_is_decoded_once(data: Dataset, decoded: list[int]) -> None:
    store = PixelStore(data, SPEC)
    steps: list[int] = []
    assert not any(found.error for found in store.preload(range(21), progress=steps.append))
    list(ImageBatches(store, range(21), batch_size=4))
    list(ImageBatches(store, range(21), batch_size=4, augment="standard", shuffle=True))
    list(ImageBatches(store.subset([4, 2, 9]), range(3), batch_size=4))
    assert len(decoded) == sum(steps) == 21


def test_beyond_the_budget_images_are_decoded_each_time_and_are_the_same(data: Dataset, decoded: list[int]) -> None:
    one = PixelStore(data, SPEC).get(0, crop=False).nbytes
    decoded.clear()
    store, rich = PixelStore(data, SPEC, budget_bytes=2 * one), PixelStore(data, SPEC)
    store.preload(range(21))
    decoded.clear()
    assert [store.holds(i) for i in range(21)].count(True) == 2
    assert all(torch.equal(store.get(i), rich.get(i)) for i in range(21))
    assert len(decoded) == 21 + 19


def test_what_cannot_be_read_is_returned_with_its_reason_and_the_rest_goes_on(tree: Maker, tmp_path: Path) -> None:
    """Rows 1 and 5."""
    root = tree("a/1.png", "a/2.png", "a/3.png", "b/1.png")
    (root / "a/2.png").write_bytes(b"")
    (root / "a/3.png").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 16)
    store = PixelStore(load(root), SPEC)
    for workers in (0, 2):
        looks = store.preload(range(4), workers=workers)
        assert [bool(found.error) for found in looks] == [False, True, True, False]
        assert "the file is empty" in looks[1].error
        assert "HEIC" in looks[2].error
        assert looks[0].size == looks[3].size == (12, 12)
    kept = store.subset([0, 3])
    assert [s.id for s in kept.dataset.samples] == ["a/1.png", "b/1.png"]
    assert torch.equal(kept.get(1), store.get(3))


def test_the_crop_of_a_kept_image_is_the_crop_of_a_fresh_one(data: Dataset) -> None:
    store = PixelStore(data, SPEC)
    fresh = store.get(3)
    assert store.get(3, crop=False).shape == (3, 20, 26)
    assert torch.equal(store.get(3), fresh)
    assert fresh.shape == (3, 16, 16)
    with pytest.raises(IndexError):
        store.get(21)
