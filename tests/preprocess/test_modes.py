"""Row 4 of the known faults: every way to store pixels becomes 8-bit RGB by one stated rule."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from warmstart.errors import ImageError
from warmstart.preprocess.reader import read_image, stored_as

Pixels = npt.NDArray[Any]


def grey(source: Any) -> list[list[int]]:
    pixels = np.asarray(read_image(source))
    assert pixels.dtype == np.uint8
    assert (pixels == pixels[..., :1]).all()
    values: list[list[int]] = pixels[..., 0].tolist()
    return values


def saved(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def test_16_bit_grey_is_divided_by_257() -> None:
    array = np.array([[0, 128, 257, 65535 - 257, 65535]], np.uint16)
    want = [[0, 0, 1, 254, 255]]
    assert grey(array) == want
    assert grey(Image.fromarray(array)) == want
    assert grey(saved(Image.fromarray(array), "PNG")) == want
    assert grey(saved(Image.fromarray(array), "TIFF")) == want
    assert grey(array.astype(">u2")) == want
    assert stored_as(saved(Image.fromarray(array), "PNG")) == ("I;16", ("16-bit grey divided by 257",))


def test_32_bit_grey_is_read_as_16_bits_if_it_fits_and_stretched_if_not() -> None:
    assert grey(Image.fromarray(np.array([[0, 257, 65535]], np.int32))) == [[0, 1, 255]]
    assert grey(Image.fromarray(np.array([[-5, 95, 195]], np.int32))) == [[0, 128, 255]]


def test_floats_from_0_to_1_are_scaled_and_others_stretched() -> None:
    assert grey(np.array([[0.0, 0.5, 0.8]])) == [[0, 128, 204]]
    assert grey(np.array([[0.0, 8.0, 16.0]])) == [[0, 128, 255]]
    assert grey(saved(Image.fromarray(np.array([[-1, 0, 1]], np.float32)), "TIFF")) == [[0, 128, 255]]
    assert grey(np.array([[7.0, 7.0]])) == [[0, 0]]


def test_what_is_not_a_number_is_black() -> None:
    assert grey(np.array([[np.nan, 0.5, np.inf]])) == [[0, 128, 0]]
    assert grey(np.array([[np.nan, 10.0, 20.0]])) == [[0, 0, 255]]
    with pytest.raises(ImageError, match="finite"):
        read_image(np.full((2, 2), np.nan))


def test_integers_as_numpy_makes_them_of_a_list_are_taken_as_they_are() -> None:
    assert grey(np.array([[0, 100, 255]])) == [[0, 100, 255]]
    assert np.asarray(read_image(np.array([[[10, 20, 30]]]))).tolist() == [[[10, 20, 30]]]


def test_one_bit_becomes_black_and_white() -> None:
    array = np.array([[True, False]])
    assert grey(array) == [[255, 0]]
    assert grey(saved(Image.fromarray(array), "PNG")) == [[255, 0]]


def test_transparency_is_composited_on_white() -> None:
    rgba = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    rgba.putpixel((1, 0), (255, 0, 0, 255))
    want = [[[255, 255, 255], [255, 0, 0]]]
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.putpixel((1, 0), 1)
    palette.info["transparency"] = 0
    keyed = Image.new("RGB", (2, 1))
    keyed.putpixel((1, 0), (255, 0, 0))
    keyed.info["transparency"] = (0, 0, 0)
    for image in (rgba, palette, keyed):
        assert np.asarray(read_image(image)).tolist() == want
        assert np.asarray(read_image(saved(image, "PNG"))).tolist() == want
        assert stored_as(saved(image, "PNG"))[1] == ("transparency composited on white",)
    assert grey(Image.merge("LA", (Image.new("L", (1, 1), 0), Image.new("L", (1, 1), 128)))) == [[127]]
    assert np.asarray(read_image(np.asarray(rgba))).tolist() == want


@pytest.mark.parametrize("mode", ["CMYK", "P", "YCbCr", "HSV", "LAB", "L"])
def test_other_modes_are_converted_as_pillow_does(mode: str) -> None:
    image = read_image(Image.new("RGB", (4, 4), (200, 30, 30)).convert(mode if mode != "LAB" else "RGB"))
    assert (image.mode, image.size) == ("RGB", (4, 4))


def test_cmyk_of_a_jpeg_keeps_its_colours() -> None:
    red = saved(Image.new("RGB", (8, 8), "red").convert("CMYK"), "JPEG")
    pixel = read_image(red).getpixel((4, 4))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200
    assert max(pixel[1:]) < 50


@pytest.mark.parametrize("shape", [(3,), (0, 4), (4, 4, 2), (4, 4, 5), (1, 2, 3, 3)])
def test_an_array_of_another_shape_is_an_error_that_names_it(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match=r"(?s)shape.*\(H, W\)"):
        read_image(np.zeros(shape, np.uint8))


def test_an_array_of_texts_is_an_error() -> None:
    with pytest.raises(ImageError, match="integers, floats or bool"):
        read_image(np.array([["a"]]))


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.uint16, np.uint8]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=4),
    )
)
def test_a_brighter_value_never_becomes_darker(array: Pixels) -> None:
    finite = np.isfinite(array)
    if finite.any():
        order = np.argsort(array[finite], kind="stable")
        pixels = np.asarray(read_image(array))[..., 0]
        assert (np.diff(pixels[finite][order].astype(int)) >= 0).all()
