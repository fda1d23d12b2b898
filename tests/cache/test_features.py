from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from warmstart.cache import features
from warmstart.cache.features import activations
from warmstart.cache.store import ActivationStore
from warmstart.data.batches import ImageBatches, PixelStore
from warmstart.data.schema import ClassTarget, Dataset, Sample
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone

COUNT = 12


@pytest.fixture(scope="module")
def toy() -> Backbone:
    return load_backbone("toy")


@pytest.fixture
def dataset() -> Dataset:
    rng = np.random.default_rng(0)
    samples = [Sample(str(i), rng.integers(0, 256, (40, 36, 3), dtype=np.uint8), "ab"[i % 2]) for i in range(COUNT)]
    return Dataset(tuple(samples), ClassTarget(("a", "b")))


@pytest.fixture
def pixels(toy: Backbone, dataset: Dataset) -> PixelStore:
    return PixelStore(dataset, toy.preprocess)


class Counted:
    """Counts the samples that were really computed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.samples = 0

        def batches(store: PixelStore, indices: list[int], **options: Any) -> ImageBatches:
            self.samples += len(indices)
            return ImageBatches(store, indices, **options)

        monkeypatch.setattr(features, "ImageBatches", batches)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


@pytest.mark.parametrize("cut", [0, 3, -1])
def test_activations_are_what_the_prefix_gives_in_the_order_of_the_indices(
    toy: Backbone, pixels: PixelStore, cut: int
) -> None:
    order = [5, 0, 11, 5]
    (batch,) = ImageBatches(pixels, order, batch_size=4)
    with torch.inference_mode():
        expected = toy.chain.prefix(cut)(batch.inputs)
    found = activations(toy.chain, cut, pixels, order, spec=toy.preprocess, cache=ActivationStore(None))
    assert found.dtype == torch.float32
    assert torch.allclose(found, expected, atol=1e-5)


def test_the_batch_that_a_sample_was_in_does_not_matter(toy: Backbone, pixels: PixelStore) -> None:
    found = [
        activations(toy.chain, -1, pixels, range(COUNT), spec=toy.preprocess, cache=ActivationStore(None), batch_size=n)
        for n in (1, 5, 64)
    ]
    assert torch.allclose(found[0], found[2], atol=1e-5)
    assert torch.allclose(found[1], found[2], atol=1e-5)


def test_no_sample_is_computed_twice(toy: Backbone, pixels: PixelStore, tmp_path: Path, counted: Counted) -> None:
    def get(indices: range) -> torch.Tensor:
        cache = ActivationStore(tmp_path)  # as another process would
        return activations(toy.chain, -1, pixels, indices, spec=toy.preprocess, cache=cache)

    train = get(range(8))
    assert counted.samples == 8
    more = get(range(4, 12))
    assert counted.samples == 12
    everything = get(range(11, -1, -1))
    assert counted.samples == 12
    assert torch.equal(everything.flip(0), torch.cat([train, more[4:]]))


def test_the_same_picture_under_two_names_is_computed_once(toy: Backbone, dataset: Dataset, counted: Counted) -> None:
    twins = (*dataset.samples[:2], Sample("copy", dataset.samples[0].source.copy(), "b"))
    pixels = PixelStore(Dataset(twins, dataset.target), toy.preprocess)
    done: list[int] = []
    cache = ActivationStore(None)
    found = activations(toy.chain, -1, pixels, [0, 1, 2], spec=toy.preprocess, cache=cache, progress=done.append)
    assert counted.samples == 2
    assert torch.equal(found[0], found[2])
    assert sum(done) == 3


def test_training_what_lies_above_the_cut_shares_the_prefix(
    toy: Backbone, pixels: PixelStore, counted: Counted
) -> None:
    cache, tuned = ActivationStore(None), toy.clone()
    cut = toy.chain.blocks[1].cut
    with torch.no_grad():
        tuned.module.get_parameter(toy.chain.blocks[-1].parameters[0]).mul_(2.0)
    for chain in (toy.chain, tuned.chain):
        activations(chain, cut, pixels, range(COUNT), spec=toy.preprocess, cache=cache)
    assert counted.samples == COUNT
    activations(tuned.chain, -1, pixels, range(COUNT), spec=toy.preprocess, cache=cache)
    assert counted.samples == 2 * COUNT


def test_weights_below_the_cut_that_moved_make_what_is_stored_stale(toy: Backbone, pixels: PixelStore) -> None:
    cache, tuned = ActivationStore(None), toy.clone()
    before = activations(tuned.chain, -1, pixels, range(4), spec=toy.preprocess, cache=cache)
    with torch.no_grad():
        tuned.module.get_parameter(toy.chain.blocks[0].parameters[0]).mul_(2.0)
    after = activations(tuned.chain, -1, pixels, range(4), spec=toy.preprocess, cache=cache)
    assert not torch.allclose(before, after)


def test_a_damaged_store_gives_the_same_activations(
    toy: Backbone, pixels: PixelStore, tmp_path: Path, counted: Counted
) -> None:
    def get() -> torch.Tensor:
        cache = ActivationStore(tmp_path)
        return activations(toy.chain, -1, pixels, range(COUNT), spec=toy.preprocess, cache=cache)

    first = get()
    (path,) = tmp_path.rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-20])
    assert torch.equal(get(), first)
    assert counted.samples == 2 * COUNT


def test_what_an_interrupted_pass_has_finished_is_kept(
    toy: Backbone, pixels: PixelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: Counted
) -> None:
    monkeypatch.setattr(features, "_CHUNK_SAMPLES", 4)
    done: list[int] = []

    def interrupt(n: int) -> None:
        done.append(n)
        if sum(done) >= 10:
            raise KeyboardInterrupt

    def get(progress: Callable[[int], None]) -> None:
        found = ActivationStore(tmp_path)
        options: dict[str, Any] = {"spec": toy.preprocess, "cache": found, "batch_size": 2}
        activations(toy.chain, -1, pixels, range(COUNT), progress=progress, **options)

    with pytest.raises(KeyboardInterrupt):
        get(interrupt)
    counted.samples = 0
    done.clear()
    get(done.append)
    assert counted.samples == 4
    assert sum(done) == COUNT


def hash_of(module: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.hexdigest()


def test_the_network_is_left_as_it_was(pixels: PixelStore) -> None:
    toy = load_backbone("toy")
    toy.module.train()
    next(toy.module.children()).eval()
    flags = [module.training for module in toy.module.modules()]
    state = hash_of(toy.module)
    found = activations(toy.chain, -1, pixels, range(4), spec=toy.preprocess, cache=ActivationStore(None))
    assert [module.training for module in toy.module.modules()] == flags
    assert hash_of(toy.module) == state
    assert not found.requires_grad


def test_a_head_can_be_trained_on_activations(toy: Backbone, pixels: PixelStore) -> None:
    found = activations(toy.chain, -1, pixels, range(4), spec=toy.preprocess, cache=ActivationStore(None))
    layer = nn.Linear(found.shape[1], 2)
    layer(found).sum().backward()
    assert layer.weight.grad is not None


def test_no_sample_gives_no_row(toy: Backbone, pixels: PixelStore) -> None:
    found = activations(toy.chain, -1, pixels, [], spec=toy.preprocess, cache=ActivationStore(None))
    assert found.shape == (0, toy.out_features)


def test_pixels_of_another_preprocessing_are_refused(toy: Backbone, pixels: PixelStore) -> None:
    spec = toy.preprocess.with_size(64)
    with pytest.raises(ValueError, match="64"):
        activations(toy.chain, -1, pixels, [0], spec=spec, cache=ActivationStore(None))
