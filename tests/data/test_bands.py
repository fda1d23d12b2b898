"""Tiles of many bands as data: found, looked at, audited, kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.preprocess.tiles import SENTINEL, gdal_names, gdal_nodata, npy, spec, tiff, values
from warmstart.cache.shelf import PixelShelf, stored_bytes
from warmstart.data.audit import audit
from warmstart.data.batches import ImageBatches
from warmstart.data.contact import contact_sheet
from warmstart.data.pixels import PixelStore, value_bytes
from warmstart.data.scan import MISSING, read_and_look
from warmstart.data.sources import load, load_inputs
from warmstart.errors import DataError


def tile(seed: int, dtype: str = "uint16") -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    return np.random.default_rng(seed).integers(0, 4000, (24, 24, 13)).astype(dtype)


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    """Two classes of four tiles: one of arrays, one of TIFF images with names and a gap."""
    root = tmp_path / "tiles"
    for name in ("field", "water"):
        (root / name).mkdir(parents=True)
    for i in range(4):
        (root / "field" / f"{i}.npy").write_bytes(npy(tile(i)))
        gap = tile(10 + i)
        gap[:6, :6] = 0
        file = tiff(gap, extratags=[gdal_names(*SENTINEL), gdal_nodata("0")], compression="zlib")
        (root / "water" / f"{i}.tif").write_bytes(file)
    return root


def test_arrays_and_tiff_images_are_found_beside_pictures(tiles: Path, tmp_path: Path) -> None:
    assert load(tiles).counts == {"field": 4, "water": 4}
    table = tmp_path / "tiles.csv"
    table.write_text("path,label\ntiles/field/0.npy,field\ntiles/water/1.tif,water\n")
    assert [Path(s.source).suffix for s in load(table).samples] == [".npy", ".tif"]
    assert len(load_inputs(tiles)) == 8


def test_stacks_in_memory_may_have_any_number_of_channels() -> None:
    stack = np.stack([tile(i) for i in range(4)])
    assert [s.source.shape for s in load((stack, list("aabb"))).samples] == [(24, 24, 13)] * 4
    with pytest.raises(DataError, match=r"\(4, 13, 24, 24\)") as caught:
        load((np.moveaxis(stack, 3, 1), list("aabb")))
    assert "transpose(0, 2, 3, 1)" in caught.value.do


def test_an_audit_says_how_the_bands_of_each_class_are_stored(tiles: Path) -> None:
    found = audit(load(tiles))
    assert found.bands["field"] == {"stored": {"13 bands of uint16": 4}, "names": [], "missing": 0.0}
    assert found.bands["water"]["names"] == list(SENTINEL)
    assert found.bands["water"]["missing"] == pytest.approx(36 / 576, rel=0.05)
    assert found.unusual == {MISSING: 4}
    assert found.sizes["median"] == [24, 24]
    assert not any("8 bits" in text for text in (*found.unusual, *found.problems))
    assert any("water 6." in problem for problem in found.problems)


def test_an_audit_warns_where_the_type_alone_tells_the_classes_apart(tiles: Path) -> None:
    for i in range(4):
        (tiles / "field" / f"{i}.npy").write_bytes(npy(tile(i, "float32")))
    problem = next(p for p in audit(load(tiles)).problems if "stored in different ways" in p)
    assert "field as 13 bands of float32" in problem


def test_copies_are_found_also_across_formats_and_damage_is_told(tiles: Path) -> None:
    (tiles / "field" / "copy.tif").write_bytes(tiff(tile(0), compression="lzw"))
    (tiles / "field" / "torn.npy").write_bytes(npy(tile(5))[:-9])
    found = audit(load(tiles))
    assert found.duplicates == (("field/0.npy", "field/copy.tif"),)
    assert [(name, "truncated" in why) for name, why in found.corrupt] == [("field/torn.npy", True)]


def test_tiles_that_differ_in_a_band_the_eye_does_not_see_are_no_look_alikes() -> None:
    plain = tile(1).astype("float32")
    other = plain.copy()
    other[:, 12:, 7] += 3e4
    assert read_and_look(plain).pixels != read_and_look(other).pixels
    assert read_and_look(plain).outline != read_and_look(other).outline


def test_samples_are_shown(tiles: Path) -> None:
    sheet = np.asarray(contact_sheet(load(tiles), size=24))
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 100


@pytest.mark.parametrize(("dtype", "each"), [("uint8", 1), ("uint16", 2), ("int16", 2), ("float32", 4), ("float64", 4)])
def test_a_value_takes_as_many_bytes_as_it_is_kept_with(dtype: str, each: int) -> None:
    data = load((np.zeros((4, 24, 24, 13), dtype), list("aabb")))
    assert value_bytes(data, spec()) == each
    assert PixelStore(data, spec()).get(0).nbytes == 13 * 16 * 16 * each
    assert stored_bytes([(24, 24)], spec(), each) - stored_bytes([(24, 24)], spec(), 0) == 13 * 16 * 16 * each


def test_what_does_not_fit_the_budget_is_decoded_again(tiles: Path) -> None:
    store = PixelStore(load(tiles), spec(), budget_bytes=3 * 13 * 16 * 16 * 2)
    assert [found.error for found in store.preload(range(8))] == [""] * 8
    assert sum(store.holds(i) for i in range(8)) == 3


@pytest.mark.parametrize("augment", ["none", "standard"])
def test_batches_are_normalised_floats_channels_last(tiles: Path, augment: str) -> None:
    store = PixelStore(load(tiles), spec())
    batch = next(iter(ImageBatches(store, range(8), batch_size=8, augment=augment)))
    assert (batch.inputs.shape, batch.inputs.dtype) == ((8, 13, 16, 16), torch.float32)
    assert batch.inputs.is_contiguous(memory_format=torch.channels_last)
    assert float(batch.inputs.abs().max()) <= 0.5


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_bands_outlast_a_run_in_their_type(tmp_path: Path, dtype: str) -> None:
    root = tmp_path / "tiles"
    for i in range(4):
        path = root / "ab"[i % 2] / f"{i}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(npy(values(13, dtype, 40, 40 + i)))  # records of many lengths in one chunk
    data, wanted = load(root), spec(13, size=15)
    first = PixelStore(data, wanted, shelf=PixelShelf(tmp_path / "cache", 10**8, wanted))
    looks = first.preload(range(4))
    shelf = PixelShelf(tmp_path / "cache", 10**8, wanted)
    later = PixelStore(data, wanted, shelf=shelf)
    assert later.preload(range(4)) == looks
    assert shelf.found == 4
    for i in range(4):
        assert torch.equal(later.get(i), first.get(i))
        assert later.get(i).dtype == first.get(i).dtype
