from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from warmstart.cache import computing
from warmstart.cache import wanted as wanted_module
from warmstart.cache.features import activations, stored_activations
from warmstart.cache.store import ActivationStore
from warmstart.cache.wanted import Wanted
from warmstart.data.batches import ImageBatches, PixelStore
from warmstart.data.schema import ClassTarget, Dataset, Sample
from warmstart.data.views import View
from warmstart.model.activation import ActivationDtype
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.chain import Chain
from warmstart.model.modes import evaluating
from warmstart.model.pyramid import pyramid

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


def wanted(chain: Chain, pixels: PixelStore, cache: ActivationStore, **options: Any) -> Wanted:
    return Wanted(chain, pixels, cache, pixels.spec, **options)


class Counted:
    """Counts the samples that were really computed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.samples = 0

        def batches(_: torch.device, store: PixelStore, indices: list[int], **options: Any) -> ImageBatches:
            self.samples += len(indices)
            return ImageBatches(store, indices, **options)

        monkeypatch.setattr(wanted_module, "batches_on", batches)


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
    found = activations(wanted(toy.chain, pixels, ActivationStore(None)), cut, order)
    assert found.dtype == torch.float32
    assert torch.allclose(found, expected, atol=1e-5)


def test_the_batch_that_a_sample_was_in_does_not_matter(toy: Backbone, pixels: PixelStore) -> None:
    found = [
        activations(wanted(toy.chain, pixels, ActivationStore(None), batch_size=n), -1, range(COUNT))
        for n in (1, 5, 64)
    ]
    assert torch.allclose(found[0], found[2], atol=1e-5)
    assert torch.allclose(found[1], found[2], atol=1e-5)


def test_no_sample_is_computed_twice(toy: Backbone, pixels: PixelStore, tmp_path: Path, counted: Counted) -> None:
    def get(indices: range) -> torch.Tensor:
        cache = ActivationStore(tmp_path)  # as another process would
        return activations(wanted(toy.chain, pixels, cache), -1, indices)

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
    found = activations(wanted(toy.chain, pixels, cache), -1, [0, 1, 2], progress=done.append)
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
        activations(wanted(chain, pixels, cache), cut, range(COUNT))
    assert counted.samples == COUNT
    activations(wanted(tuned.chain, pixels, cache), -1, range(COUNT))
    assert counted.samples == 2 * COUNT


def test_weights_below_the_cut_that_moved_make_what_is_stored_stale(toy: Backbone, pixels: PixelStore) -> None:
    cache, tuned = ActivationStore(None), toy.clone()
    before = activations(wanted(tuned.chain, pixels, cache), -1, range(4))
    with torch.no_grad():
        tuned.module.get_parameter(toy.chain.blocks[0].parameters[0]).mul_(2.0)
    after = activations(wanted(tuned.chain, pixels, cache), -1, range(4))
    assert not torch.allclose(before, after)


def test_a_damaged_store_gives_the_same_activations(
    toy: Backbone, pixels: PixelStore, tmp_path: Path, counted: Counted
) -> None:
    def get() -> torch.Tensor:
        cache = ActivationStore(tmp_path)
        return activations(wanted(toy.chain, pixels, cache), -1, range(COUNT))

    first = get()
    (path,) = tmp_path.rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-20])
    assert torch.equal(get(), first)
    assert counted.samples == 2 * COUNT


def test_what_an_interrupted_pass_has_finished_is_kept(
    toy: Backbone, pixels: PixelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: Counted
) -> None:
    monkeypatch.setattr(computing, "_CHUNK_SAMPLES", 4)
    done: list[int] = []

    def interrupt(n: int) -> None:
        done.append(n)
        if sum(done) >= 10:
            raise KeyboardInterrupt

    def get(progress: Callable[[int], None]) -> None:
        which = wanted(toy.chain, pixels, ActivationStore(tmp_path), batch_size=2)
        activations(which, -1, range(COUNT), progress=progress)

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
    found = activations(wanted(toy.chain, pixels, ActivationStore(None)), -1, range(4))
    assert [module.training for module in toy.module.modules()] == flags
    assert hash_of(toy.module) == state
    assert not found.requires_grad


def test_a_head_can_be_trained_on_activations(toy: Backbone, pixels: PixelStore) -> None:
    found = activations(wanted(toy.chain, pixels, ActivationStore(None)), -1, range(4))
    layer = nn.Linear(found.shape[1], 2)
    layer(found).sum().backward()
    assert layer.weight.grad is not None


def test_no_sample_gives_no_row(toy: Backbone, pixels: PixelStore) -> None:
    found = activations(wanted(toy.chain, pixels, ActivationStore(None)), -1, [])
    assert found.shape == (0, toy.out_features)


def test_pixels_of_another_preprocessing_are_refused(toy: Backbone, pixels: PixelStore) -> None:
    spec = toy.preprocess.with_size(64)
    with pytest.raises(ValueError, match="64"):
        Wanted(toy.chain, pixels, ActivationStore(None), spec)


def test_one_pass_stores_the_lower_cuts_that_are_needed_later(
    toy: Backbone, pixels: PixelStore, tmp_path: Path, counted: Counted
) -> None:
    which = wanted(toy.chain, pixels, ActivationStore(tmp_path))
    activations(which, -1, range(COUNT), also=(3, 6))
    assert counted.samples == COUNT
    for cut in (3, 6):
        found = activations(which, cut, range(COUNT))
        assert torch.equal(found, activations(wanted(toy.chain, pixels, ActivationStore(None)), cut, range(COUNT)))
    assert counted.samples == 3 * COUNT  # two of them for the stores that were empty


@pytest.mark.parametrize("folder", [True, False])
def test_activations_can_be_read_where_they_are_stored(
    toy: Backbone, pixels: PixelStore, tmp_path: Path, folder: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "_CHUNK_SAMPLES", 5)
    which = wanted(toy.chain, pixels, ActivationStore(tmp_path if folder else None))
    order = [3, 0, 11, 3, 7]
    rows = stored_activations(which, -1, order)
    assert rows is not None
    expected = activations(wanted(toy.chain, pixels, ActivationStore(None)), -1, order)
    positions = torch.tensor([4, 0, 3, 1, 2])
    assert torch.allclose(rows[positions], expected[positions], atol=1e-5)


def test_where_there_is_no_room_nothing_is_given_rather_than_a_part(toy: Backbone, pixels: PixelStore) -> None:
    which = wanted(toy.chain, pixels, ActivationStore(None, budget_bytes=100))
    assert stored_activations(which, -1, range(COUNT)) is None


def test_a_damaged_file_is_computed_again_before_it_is_read_from(
    toy: Backbone, pixels: PixelStore, tmp_path: Path, counted: Counted
) -> None:
    expected = activations(wanted(toy.chain, pixels, ActivationStore(tmp_path)), -1, range(COUNT))
    (path,) = tmp_path.rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    rows = stored_activations(wanted(toy.chain, pixels, ActivationStore(tmp_path)), -1, range(COUNT))
    assert rows is not None
    assert torch.equal(rows[torch.arange(COUNT)], expected)
    assert counted.samples == 2 * COUNT


@pytest.mark.parametrize(("dtype", "most"), [("fp32", 0.0), ("bf16", 0.004), ("int8", 0.02)])
def test_a_smaller_format_has_the_error_it_says_and_gives_the_same_again(
    toy: Backbone, pixels: PixelStore, tmp_path: Path, dtype: ActivationDtype, most: float
) -> None:
    exact = activations(wanted(toy.chain, pixels, ActivationStore(None)), 3, range(COUNT))
    first = activations(wanted(toy.chain, pixels, ActivationStore(tmp_path), dtype=dtype), 3, range(COUNT))
    rows = stored_activations(wanted(toy.chain, pixels, ActivationStore(tmp_path), dtype=dtype), 3, range(COUNT))
    assert rows is not None
    assert torch.equal(rows[torch.arange(COUNT)], first)
    error = float((first - exact).norm() / exact.norm())
    assert error == pytest.approx(rows.error, abs=1e-6)
    assert error <= most
    assert (error > 0) == (dtype != "fp32")


def test_a_view_is_what_training_would_see_in_that_epoch(toy: Backbone, pixels: PixelStore) -> None:
    order = [5, 0, 11]
    view = View("standard", seed=3, number=2)
    (batch,) = ImageBatches(pixels, order, batch_size=4, augment="standard", seed=3, epoch=2)
    with torch.inference_mode():
        expected = toy.chain.prefix(3)(batch.inputs)
    cache = ActivationStore(None)
    found = activations(wanted(toy.chain, pixels, cache, view=view), 3, order)
    assert torch.allclose(found, expected, atol=1e-5)
    assert not torch.allclose(found, activations(wanted(toy.chain, pixels, cache), 3, order), atol=1e-2)


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_rows_of_maps_are_stored_and_read_back_and_a_network_goes_on_from_them(
    pixels: PixelStore, tmp_path: Path, counted: Counted, dtype: ActivationDtype
) -> None:
    found = pyramid(load_backbone("toy"), (1, 2, 4))
    assert found.maps is not None
    chain = found.chain
    for cut in (chain.blocks[-2].cut, len(chain) - 2, len(chain) - 1):
        asked = wanted(chain, pixels, ActivationStore(tmp_path), dtype=dtype)
        made = activations(asked, cut, range(COUNT))
        assert made.shape == (COUNT, *chain.activation_shape(cut, 32))
        counted.samples = 0
        fresh = pyramid(load_backbone("toy"), (1, 2, 4)).chain
        again = stored_activations(wanted(fresh, pixels, ActivationStore(tmp_path), dtype=dtype), cut, range(COUNT))
        assert again is not None
        assert counted.samples == 0
        rows = again[torch.arange(COUNT)]
        assert torch.equal(rows, made)
        (batch,) = ImageBatches(pixels, range(COUNT), batch_size=COUNT)
        with evaluating(fresh.module), torch.no_grad():
            whole = fresh(batch.inputs)
            most = 0.05 if dtype == "bf16" else 1e-5
            torch.testing.assert_close(fresh.suffix(cut)(rows), whole, rtol=most, atol=most)
