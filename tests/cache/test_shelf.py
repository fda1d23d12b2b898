"""Resized pixels on the disk: what was decoded once is not decoded again, in this run or the next."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from PIL import Image

from warmstart.cache import disk
from warmstart.cache.shelf import PixelShelf, pays
from warmstart.cache.store import ActivationStore
from warmstart.data import pixels
from warmstart.data.pixels import PixelStore
from warmstart.data.schema import Dataset
from warmstart.data.sources import load
from warmstart.preprocess.bands import Bands
from warmstart.preprocess.image import decode_for, read_pixels
from warmstart.preprocess.reader import Decoded, Source
from warmstart.preprocess.spec import PreprocessSpec

SPEC = PreprocessSpec(32, decode="reduced")
BUDGET = 2**30
SIZES = {"a/1.jpg": (160, 120), "a/2.png": (120, 160), "b/1.jpg": (90, 90), "b/grey.jpg": (120, 90)}


@pytest.fixture
def data(tmp_path: Path, photos: dict[str, Image.Image]) -> Dataset:
    for n, (name, size) in enumerate(SIZES.items()):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        photo = photos["daisy"].rotate(20 * n).resize(size)
        (photo.convert("L") if "grey" in name else photo).save(path)
    return load(tmp_path / "photos")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that the store decodes."""
    names: list[str] = []

    def counting(source: Source, spec: PreprocessSpec) -> Decoded | Bands:
        names.append(Path(str(source)).name)
        return decode_for(source, spec)

    monkeypatch.setattr(pixels, "decode_for", counting)
    return names


def opened(data: Dataset, folder: Path, spec: PreprocessSpec = SPEC, memory: int = BUDGET) -> PixelStore:
    """As another process has it that knows nothing but the folder."""
    return PixelStore(data, spec, budget_bytes=memory, shelf=PixelShelf(folder, BUDGET, spec))


def chunks(folder: Path) -> list[Path]:
    return list(folder.rglob("*.safetensors"))


def test_a_second_run_decodes_nothing_and_knows_the_same(data: Dataset, tmp_path: Path, decoded: list[str]) -> None:
    first = opened(data, tmp_path / "cache").preload(range(4))
    assert len(decoded) == 4
    later = opened(data, tmp_path / "cache")
    assert later.preload(range(4)) == first
    for i, sample in enumerate(data.samples):
        for crop in (True, False):
            assert torch.equal(later.get(i, crop), read_pixels(sample.source, SPEC, crop=crop))
    subset = opened(data, tmp_path / "cache").subset([2, 0])
    assert torch.equal(subset.get(0), later.get(2))
    assert len(decoded) == 4


def test_what_memory_has_no_room_for_is_read_from_the_disk_in_the_same_run(
    data: Dataset, tmp_path: Path, decoded: list[str]
) -> None:
    store = opened(data, tmp_path, memory=0)
    store.preload(range(4))
    assert not any(store.holds(i) for i in range(4))
    for _ in range(2):
        assert torch.equal(store.get(1), read_pixels(data.samples[1].source, SPEC))
    assert not store.holds(1)  # what is mapped takes objects, and so room, too
    assert len(decoded) == 4


def test_other_pixels_are_not_taken_for_these(data: Dataset, tmp_path: Path, decoded: list[str]) -> None:
    opened(data, tmp_path / "cache").preload(range(4))
    for changes in ({"size": 24}, {"resize": "squash"}, {"decode": "full"}, {"interpolation": "bilinear"}):
        decoded.clear()
        opened(data, tmp_path / "cache", dataclasses.replace(SPEC, **changes)).preload(range(4))
        assert len(decoded) == 4
    decoded.clear()
    opened(data, tmp_path / "cache", dataclasses.replace(SPEC, mean=(0.1, 0.1, 0.1))).preload(range(4))
    assert decoded == []


def test_a_file_that_changed_is_decoded_and_the_others_are_not(
    data: Dataset, tmp_path: Path, decoded: list[str]
) -> None:
    opened(data, tmp_path / "cache").preload(range(4))
    decoded.clear()
    Image.new("RGB", (100, 80), "red").save(data.samples[1].source)
    store = opened(data, tmp_path / "cache")
    store.preload(range(4))
    assert decoded == ["2.png"]
    assert torch.equal(store.get(1), read_pixels(data.samples[1].source, SPEC))


def test_a_torn_file_is_decoded_again(
    data: Dataset, tmp_path: Path, decoded: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    opened(data, tmp_path / "cache").preload(range(4))
    (path,) = chunks(tmp_path / "cache")
    content = bytearray(path.read_bytes())
    content[-3] ^= 4
    path.write_bytes(content)
    decoded.clear()
    store = opened(data, tmp_path / "cache")
    store.preload(range(4), workers=0)
    assert "computed again" in caplog.text
    assert len(decoded) == 4
    assert torch.equal(store.get(3), read_pixels(data.samples[3].source, SPEC))
    decoded.clear()
    opened(data, tmp_path / "cache").preload(range(4))
    assert decoded == []


def test_what_an_interrupted_run_has_decoded_is_there_for_the_next(
    data: Dataset, tmp_path: Path, decoded: list[str]
) -> None:
    def stop(_: int) -> None:
        if len(decoded) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        opened(data, tmp_path / "cache").preload(range(4), workers=0, progress=stop)
    opened(data, tmp_path / "cache").preload(range(4), workers=0)
    assert decoded == ["1.jpg", "2.png", "1.jpg", "grey.jpg"]


def test_a_full_disk_costs_a_warning_and_not_the_run(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda _: 1000)
    store = opened(data, tmp_path / "cache")
    assert not any(found.error for found in store.preload(range(4)))
    assert torch.equal(store.get(0), read_pixels(data.samples[0].source, SPEC))
    assert not chunks(tmp_path / "cache")
    assert "no room" in caplog.text


def test_pixels_and_activations_share_one_budget_and_what_is_evicted_stays_readable(
    data: Dataset, tmp_path: Path
) -> None:
    folder = tmp_path / "cache"
    opened(data, folder).preload(range(4))
    store = opened(data, folder)
    store.preload(range(4))
    ActivationStore(folder, budget_bytes=3000).put("ab" * 32, ["x"], torch.zeros(1, 500))
    assert [path.parent.name for path in chunks(folder)] == ["ab" * 32]
    assert torch.equal(store.get(2), read_pixels(data.samples[2].source, SPEC))


def test_long_strips_and_images_in_memory_are_not_kept(tmp_path: Path, photos: dict[str, Image.Image]) -> None:
    photos["daisy"].resize((300, 100)).save(tmp_path / "strip.png")
    images = [tmp_path / "strip.png", photos["daisy"].resize((90, 90))]
    opened(load((images, ["a", "b"])), tmp_path / "cache").preload(range(2))
    assert not (tmp_path / "cache").exists()


def test_it_pays_where_a_file_has_many_more_pixels_than_are_stored() -> None:
    assert pays([(640, 427), (427, 640)], PreprocessSpec(224))
    assert not pays([(28, 28)] * 3, PreprocessSpec(224))
    assert not pays([(256, 256)], PreprocessSpec(224, "squash"))
    assert not pays([], PreprocessSpec(224))
