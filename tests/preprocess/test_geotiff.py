"""TIFF with any number of bands, as GDAL, rasterio and tifffile write it. Row numbers are those of the known faults."""

from __future__ import annotations

import struct
import sys
from typing import Any

import numpy as np
import pytest
import tifffile

from tests.preprocess.tiles import SENTINEL, gdal_names, gdal_nodata, npy, spec, tiff, values
from warmstart.errors import BandsError, ImageError, MissingExtraError
from warmstart.preprocess.image import read_pixels
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import header_of, image_size, read_bands, read_stored


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"planar": True},
        {"tile": (16, 16)},
        {"tile": (16, 16), "planar": True, "compression": "zlib", "predictor": True},
        {"compression": "zlib"},
        {"compression": "lzw", "rowsperstrip": 5},
        {"byteorder": ">"},
        {"bigtiff": True},
    ],
)
def test_however_it_is_stored_the_values_are_the_same(dtype: str, options: dict[str, Any]) -> None:
    stored = values(13, dtype, 40, 50)
    found = read_bands(tiff(stored, **options), spec()).values
    assert found.dtype == dtype
    assert np.array_equal(found, stored)


@pytest.mark.parametrize("bands", [1, 2, 4])
def test_any_number_of_bands(bands: int) -> None:
    stored = values(bands)
    assert np.array_equal(read_bands(tiff(stored), spec(bands)).values, stored)
    assert image_size(tiff(stored)) == (24, 20)


def test_a_page_for_each_band(tmp_path: Any) -> None:
    stored = values(13)
    tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(stored, 2, 0), photometric="minisblack")
    assert np.array_equal(read_bands(tmp_path / "a.tif", spec()).values, stored)


def test_overviews_are_no_bands(tmp_path: Any) -> None:
    stored = values(1, height=64, width=64)[..., 0]
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(stored, subfiletype=0)
        writer.write(stored, subfiletype=1)
    assert read_bands(tmp_path / "a.tif", spec(1)).values.shape == (64, 64, 1)


def test_names_in_the_metadata_of_gdal_pick_the_bands() -> None:
    stored = values(13)
    file = tiff(stored, extratags=[gdal_names(*SENTINEL)])
    found = read_bands(file, spec(2, names=("B08", "B04")))
    assert np.array_equal(found.values, stored[:, :, [7, 3]])
    with pytest.raises(BandsError, match="not one band each for B13: its bands are 'B01', 'B02'"):
        read_bands(file, spec(2, names=("B08", "B13")))


def test_names_of_ome_are_read(tmp_path: Any) -> None:
    stored = values(3)
    names = {"axes": "CYX", "Channel": {"Name": ["B02", "B03", "B08"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", np.moveaxis(stored, 2, 0), photometric="minisblack", metadata=names)
    assert np.array_equal(read_bands(tmp_path / "a.ome.tif", spec(1, names=("B08",))).values, stored[:, :, 2:])


def test_a_name_for_some_bands_only_does_for_these() -> None:
    file = tiff(values(3), extratags=[gdal_names("", "B &amp; C", "")])
    assert np.array_equal(read_bands(file, spec(1, names=("B & C",))).values, values(3)[:, :, 1:2])


@pytest.mark.parametrize(("text", "dtype"), [("7", "uint16"), ("-9999", "float32"), ("nan", "float32")])
def test_no_data_is_what_the_file_calls_so(text: str, dtype: str) -> None:
    stored = values(4, dtype)
    stored[stored == 7] = 8
    stored[2, 3, 1] = float(text)
    gaps = read_bands(tiff(stored, extratags=[gdal_nodata(text)]), spec(4)).missing()
    assert gaps is not None
    assert np.argwhere(gaps).tolist() == [[2, 3, 1]]


def test_no_data_that_is_no_number_is_none() -> None:
    assert read_bands(tiff(values(4), extratags=[gdal_nodata("none")]), spec(4)).missing() is None


def test_pictures_are_read_as_before_and_bands_for_them_are_refused() -> None:
    picture = values(3, "uint8")
    assert read_pixels(tiff(picture), PreprocessSpec(16)).equal(read_pixels(npy(picture), PreprocessSpec(16)))
    with pytest.raises(BandsError, match="13 bands of uint16, and the backbone takes 3"):
        read_pixels(tiff(values(13)), PreprocessSpec(16))


def test_where_no_backbone_says_what_it_takes_all_bands_are_seen() -> None:
    file = tiff(values(13), extratags=[gdal_names(*SENTINEL)])
    found = read_stored(file)
    assert getattr(found, "names", ()) == SENTINEL
    assert str(header_of(file)) == "13 bands of uint16"


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}, {"planar": True}])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_an_image_error(options: dict[str, Any], share: float) -> None:  # 1
    whole = tiff(values(13, height=64, width=64), **options)
    with pytest.raises(ImageError):
        read_bands(whole[: int(share * len(whole))], spec())


def test_a_damaged_strip_is_an_image_error() -> None:
    whole = bytearray(tiff(values(13), compression="zlib"))
    whole[-400:-200] = bytes(200)
    with pytest.raises(ImageError, match="cannot be read"):
        read_bands(bytes(whole), spec())


def test_a_header_that_promises_too_much_is_refused_before_it_is_believed() -> None:  # 6
    whole = tiff(values(13))
    for tag, value in ((256, 4_000_000), (257, 4_000_000)):
        at = whole.index(struct.pack("<HH", tag, 3 if struct.pack("<HHI", tag, 3, 1) in whole else 4))
        whole = whole[: at + 2] + struct.pack("<HII", 4, 1, value) + whole[at + 12 :]
    with pytest.raises(ImageError, match="pixels"):
        read_bands(whole, spec())


@pytest.mark.parametrize("kind", ["complex64"])
def test_values_that_are_no_real_numbers_are_refused(kind: str) -> None:
    with pytest.raises(ImageError, match=kind):
        read_bands(tiff(values(4).astype(kind)), spec(4))


def test_what_is_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    file = tiff(values(13))
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(MissingExtraError, match=r"warmstart\[bands\]"):
        read_bands(file, spec())
