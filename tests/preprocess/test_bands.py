"""Arrays and `.npy` files with any number of bands. Row numbers are those of the list of known faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.preprocess.tiles import SENTINEL, npy, spec, values
from warmstart.errors import BandsError, ImageError
from warmstart.preprocess.bands import Bands
from warmstart.preprocess.choosing import chosen
from warmstart.preprocess.image import read_pixels
from warmstart.preprocess.opening import Source
from warmstart.preprocess.reader import read_image
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import image_size, read_bands, read_stored


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_values_are_read_as_they_are_stored_wherever_the_channels_lie(dtype: str, tmp_path: Path) -> None:
    stored = values(13, dtype)
    path = tmp_path / "tile.npy"
    path.write_bytes(npy(np.moveaxis(stored, 2, 0)))
    sources: list[Source] = [stored, npy(stored), npy(np.asfortranarray(stored)), path, str(path)]
    for source in sources:
        found = read_bands(source, spec()).values
        assert found.dtype == dtype
        assert np.array_equal(found, stored)


@pytest.mark.parametrize("dtype", ["float64", "float16", "int32", "uint32", "int64", ">u2", "bool"])
def test_other_numbers_become_those_that_are_kept(dtype: str) -> None:
    stored = (values(4) % 2).astype(dtype)
    found = read_bands(npy(stored), spec(4)).values
    assert found.dtype == {">u2": "uint16", "bool": "uint8"}.get(dtype, "float32")
    assert np.array_equal(found, stored)


def test_one_band_needs_no_axis_for_it() -> None:
    assert read_bands(npy(values(1)[..., 0]), spec(1)).values.shape == (20, 24, 1)


def test_an_array_that_could_be_read_two_ways_is_refused_in_a_file_and_not_in_memory() -> None:
    cube = values(13, height=13, width=13)
    with pytest.raises(BandsError, match="first and last axis both may be its 13 bands"):
        read_bands(npy(cube), spec())
    assert np.array_equal(read_bands(cube, spec()).values, cube)


def test_another_number_of_bands_says_what_was_found_what_was_expected_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "tile.npy"
    path.write_bytes(npy(values(4)))
    with pytest.raises(BandsError) as caught:
        read_bands(path, spec(13))
    assert caught.value.found == f"{path} has 4 bands of uint16, and the backbone takes 13"
    assert "lite0?channels=4" in caught.value.do


@pytest.mark.parametrize("source", [values(13), npy(values(13))])
def test_bands_for_a_backbone_of_pictures_say_so(source: Source) -> None:
    with pytest.raises(BandsError, match="13 bands of uint16, and the backbone takes 3") as caught:
        read_pixels(source, PreprocessSpec(16))
    assert "--backbone 'lite0?channels=13'" in caught.value.do


def test_an_array_in_a_file_may_be_a_picture() -> None:
    array = values(3, "uint8")
    expected = read_pixels(array, PreprocessSpec(16))
    assert read_pixels(npy(array), PreprocessSpec(16)).equal(expected)
    assert read_pixels(npy(np.moveaxis(array, 2, 0)), PreprocessSpec(16)).equal(expected)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "F"])
def test_the_channels_of_other_formats_are_bands_too(mode: str, tmp_path: Path) -> None:
    stored = values({"LA": 2, "RGB": 3, "RGBA": 4}.get(mode, 1), {"I;16": "uint16", "F": "float32"}.get(mode, "uint8"))
    plain = stored[..., 0] if stored.shape[2] == 1 else stored
    image = Image.fromarray(plain)
    assert image.mode == mode
    path = tmp_path / ("a.tif" if mode == "F" else "a.png")
    image.save(path)
    for source in (image, path):
        assert np.array_equal(read_bands(source, spec(stored.shape[2])).values, stored)


def test_bands_are_picked_and_ordered_by_name_whatever_its_case_and_zeros() -> None:
    bands = Bands(values(13), tuple(name.lower().replace("b0", "B") for name in SENTINEL))
    found = chosen(bands, spec(3, names=("B08", "B8A", "B02")), "a.tif")
    assert np.array_equal(found.values, bands.values[:, :, [7, 8, 1]])
    assert found.names == ("B08", "B8A", "B02")


@pytest.mark.parametrize("names", [("B02", "B03"), ("B04", "B04")])
def test_a_band_that_is_missing_or_there_twice_is_named(names: tuple[str, ...]) -> None:
    with pytest.raises(BandsError, match="not one band each for B04") as caught:
        chosen(Bands(values(2), names), spec(2, names=("B04", names[0] if names[0] != "B04" else "b4")), "a.tif")
    assert "B04" in caught.value.expected


def test_without_names_in_the_file_the_order_is_that_of_the_weights() -> None:
    assert read_bands(values(3), spec(3, names=("B04", "B03", "B02"))).names == ("B04", "B03", "B02")


def test_the_header_is_enough_for_the_size() -> None:
    assert image_size(npy(values(13))) == image_size(npy(np.moveaxis(values(13), 2, 0))) == (24, 20)
    assert image_size(b"no image") is None


def test_where_no_backbone_says_what_it_takes_a_picture_is_a_picture_and_else_bands_are_all_seen() -> None:
    found = read_stored(npy(values(5)))
    assert isinstance(found, Bands)
    assert found.header.channels == 5
    assert not isinstance(read_stored(npy(values(3, "uint8"))), Bands)


def header_only(shape: str, dtype: str = "<f4") -> bytes:
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (npy(values(13))[:-7], "truncated"),  # 1
        (npy(values(13))[:30], "cannot be read"),
        (npy(np.array([[{}, {}]], dtype=object)), "Python objects"),  # 38
        (npy(np.zeros((0, 8, 13), np.uint8)), "shape"),
        (npy(np.zeros((8, 8, 13, 2), np.uint8)), "shape"),
        (npy(np.zeros((8, 8, 13), np.complex64)), "complex64"),
        (header_only("(100000, 100000, 13)"), "pixels"),  # 6
        (header_only("(8000, 8000, 1000)"), "pixels"),
        (header_only("(40, 40, 13)"), "truncated"),
        (header_only("(2, 99999, 99999)"), "pixels"),
        (header_only("(3000, 2000, 2500)"), "bands"),
        (header_only("__import__('os')"), "cannot be read"),
        (b"\x93NUMPY\x09\x00", "cannot be read"),
        (b"\x93NUMPY", "cannot be read"),
    ],
)
def test_a_damaged_array_is_an_image_error_before_anything_is_allocated(content: bytes, why: str) -> None:
    with pytest.raises(ImageError, match=why):
        read_bands(content, spec())


@pytest.mark.parametrize("missing", ["no/tile.npy", b"", b"nothing that is known"])
def test_what_is_no_file_of_bands_says_so(missing: Source) -> None:
    with pytest.raises(ImageError):
        read_bands(missing, spec())


def test_a_picture_of_the_reader_of_pictures_is_not_an_array_of_bands() -> None:
    with pytest.raises(BandsError, match="no picture"):
        read_image(npy(values(13)))
