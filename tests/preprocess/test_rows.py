"""Rows of an image, as they are of the whole image."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch import Tensor

from warmstart.errors import BandsError, ImageError
from warmstart.preprocess import geotiff
from warmstart.preprocess.image import to_pixels
from warmstart.preprocess.opening import Source
from warmstart.preprocess.reader import read_image
from warmstart.preprocess.resample import filled, from_array
from warmstart.preprocess.rows import opened_rows
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import read_bands

PICTURE = PreprocessSpec()
WIDE, HIGH = 90, 130


def stored(channels: int = 3, dtype: str = "uint8") -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 255, (HIGH, WIDE, channels)).astype(dtype)


def parts(source: Source, spec: PreprocessSpec) -> tuple[Tensor, bool]:
    """All rows, read in three uneven parts that overlap, and whether the image lay in memory."""
    with opened_rows(source, spec) as rows:
        assert rows.size == (WIDE, HIGH)
        found = [rows.read(0, 50), rows.read(30, 100)[:, 20:], rows.read(100, HIGH)]
        return torch.cat(found, 1), rows.whole


TIFFS: dict[str, dict[str, Any]] = {
    "strips": {"rowsperstrip": 7, "compression": "zlib"},
    "one strip": {"rowsperstrip": HIGH},
    "tiles": {"tile": (32, 48), "compression": "lzw", "predictor": True},
    "planes": {"planarconfig": "separate", "rowsperstrip": 16},
    "tiles of planes": {"planarconfig": "separate", "tile": (16, 16)},
}


@pytest.mark.parametrize("how", TIFFS)
def test_of_a_tiff_picture_no_more_is_decoded_than_the_rows_need(how: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    values = stored()
    if "separate" in TIFFS[how].values():
        values = np.moveaxis(values, 2, 0)
    tifffile.imwrite(path, values, photometric="rgb", **TIFFS[how])
    found, whole = parts(path, PICTURE)
    assert torch.equal(found, to_pixels(read_image(path)))
    assert not whole
    with geotiff.TiffRows.opened(path) as rows:
        counted = Counted(rows._file)
        rows._file = cast("BinaryIO", counted)
        rows.read(40, 60)
    share = sum(counted.lengths) / path.stat().st_size
    assert share > 0.9 if how == "one strip" else 0 < share < 0.5


class Counted:
    """A file that writes down how much is read of it."""

    def __init__(self, file: Any) -> None:
        self.file, self.lengths = file, list[int]()

    def seek(self, place: int) -> None:
        self.file.seek(place)

    def read(self, length: int) -> bytes:
        self.lengths.append(length)
        found: bytes = self.file.read(length)
        return found


@pytest.mark.parametrize("how", TIFFS)
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_bands_of_a_tiff_are_those_of_the_whole(how: str, dtype: str, tmp_path: Path) -> None:
    path, values = tmp_path / "a.tif", stored(5, dtype)
    if dtype == "float32":
        values[3, 4, 2] = np.nan
    options = {"planarconfig": "contig"} | TIFFS[how]
    planes = np.moveaxis(values, 2, 0) if options["planarconfig"] == "separate" else values
    tifffile.imwrite(path, planes, photometric="minisblack", **options)
    spec = PreprocessSpec(mean=(9.0,) * 5, std=(1.0,) * 5, channels=5, scale=1.0)
    found, whole = parts(path, spec)
    assert torch.equal(found, from_array(filled(read_bands(path, spec), spec)))
    assert not whole


def test_a_page_for_each_band_and_bands_that_are_picked_by_name(tmp_path: Path) -> None:
    path, values = tmp_path / "a.ome.tif", np.moveaxis(stored(4, "uint16"), 2, 0)
    names = {"axes": "CYX", "Channel": {"Name": ["B02", "B03", "B04", "B08"]}}
    tifffile.imwrite(path, values, photometric="minisblack", metadata=names)
    spec = PreprocessSpec(mean=(0.0,) * 2, std=(1.0,) * 2, channels=2, bands=("B08", "B03"), scale=1.0)
    assert np.array_equal(parts(path, spec)[0].numpy(), values[[3, 1]])


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK"])
@pytest.mark.parametrize("kind", ["png", "tif", "jpg"])
def test_pictures_of_every_kind_are_what_they_are_elsewhere(mode: str, kind: str, tmp_path: Path) -> None:
    if (kind, mode) in {("png", "CMYK"), ("jpg", "RGBA"), ("jpg", "P")}:
        mode = "RGB"
    path = tmp_path / f"a.{kind}"
    Image.fromarray(stored()).convert(mode).save(path)
    assert torch.equal(parts(path, PICTURE)[0], to_pixels(read_image(path)))
    assert torch.equal(parts(path.read_bytes(), PICTURE)[0], to_pixels(read_image(path)))


def test_a_photo_that_lies_on_its_side_is_upright(tmp_path: Path) -> None:
    for kind in ("jpg", "tif"):
        image, exif = Image.fromarray(stored().transpose(1, 0, 2)), Image.Exif()
        exif[274] = 6
        image.save(tmp_path / f"a.{kind}", exif=exif)
        found, whole = parts(tmp_path / f"a.{kind}", PICTURE)
        assert torch.equal(found, to_pixels(read_image(tmp_path / f"a.{kind}")))
        assert whole


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int64", "float64"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_arrays_in_memory_and_in_files_are_pictures_too(dtype: str, channels: int, tmp_path: Path) -> None:
    values = stored(channels, dtype)
    wanted = to_pixels(read_image(values))
    assert torch.equal(parts(values, PICTURE)[0], wanted)
    np.save(tmp_path / "a.npy", values)
    found, whole = parts(tmp_path / "a.npy", PICTURE)
    assert torch.equal(found, wanted)
    assert whole == (dtype in ("int64", "float64")), "where one value is scaled by the others, all are read"


def test_bands_of_npy_files_are_never_read_as_a_whole(tmp_path: Path) -> None:
    values = stored(6, "int16")
    np.save(tmp_path / "a.npy", np.moveaxis(values, 2, 0))
    spec = PreprocessSpec(mean=(0.0,) * 6, std=(1.0,) * 6, channels=6, scale=1.0)
    found, whole = parts(tmp_path / "a.npy", spec)
    assert np.array_equal(found.numpy(), np.moveaxis(values, 2, 0))
    assert not whole


def test_what_cannot_be_read_is_told_as_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="there is no such file"), opened_rows(tmp_path / "none.png", PICTURE):
        pass
    Image.fromarray(stored()).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="pixels"), opened_rows(tmp_path / "a.png", PICTURE, max_pixels=100):
        pass
    tifffile.imwrite(tmp_path / "a.tif", stored(), photometric="rgb", rowsperstrip=8)
    whole = (tmp_path / "a.tif").read_bytes()
    with pytest.raises(ImageError, match="truncated"), opened_rows(whole[: len(whole) // 2], PICTURE):
        pass
    spec = PreprocessSpec(mean=(0.0,) * 6, std=(1.0,) * 6, channels=6, scale=1.0)
    with opened_rows(tmp_path / "a.tif", spec) as rows, pytest.raises(BandsError):
        rows.read(0, 5)


def test_an_error_of_who_reads_is_not_one_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), opened_rows(stored(), PICTURE):
        raise ZeroDivisionError
