"""A large JPEG is decoded at a fraction of its size: close to full decoding, and as strict."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from PIL import Image
from torch import Tensor

from warmstart.errors import ImageError
from warmstart.preprocess.image import decode_for, fit_size, read_pixels
from warmstart.preprocess.reader import Decoded, Source, decode, read_image
from warmstart.preprocess.spec import PreprocessSpec

MOST, MEAN = 12, 0.6
"""The tolerance that `warmstart.preprocess.image` states, in levels of 255."""


def jpeg(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **{"quality": 90, **options})
    return buffer.getvalue()


def decoded_picture(source: Source, spec: PreprocessSpec) -> Decoded:
    found = decode_for(source, spec)
    assert isinstance(found, Decoded)
    return found


def reduced(size: int, resize: Literal["shortest", "squash", "pad"] = "squash") -> PreprocessSpec:
    return PreprocessSpec(size, resize, decode="reduced")


def full(spec: PreprocessSpec) -> PreprocessSpec:
    return dataclasses.replace(spec, decode="full")


def close(a: Tensor, b: Tensor) -> bool:
    apart = (a.int() - b.int()).abs().float()
    return a.shape == b.shape and bool(apart.max() <= MOST) and bool(apart.mean() <= MEAN)


@pytest.mark.parametrize("name", ["palace", "daisy"])
@pytest.mark.parametrize(
    ("width", "spec", "factor"),
    [
        (2560, reduced(224), 2),
        (2560, reduced(224, "shortest"), 2),
        (2560, reduced(128, "shortest"), 4),
        (2560, reduced(96), 8),
        (640, reduced(96), 2),
        (640, reduced(64, "pad"), 4),
    ],
)
def test_real_photos_are_close_to_those_decoded_in_full(
    name: str, width: int, spec: PreprocessSpec, factor: int, photos: dict[str, Image.Image]
) -> None:
    size = (width, round(width * 427 / 640))
    data = jpeg(photos[name].resize(size, Image.Resampling.LANCZOS))
    decoded = decoded_picture(data, spec)
    assert decoded.size == size
    assert decoded.image.size == tuple(-(-side // factor) for side in size)
    for crop in (True, False):
        assert close(read_pixels(data, spec, crop=crop), read_pixels(data, full(spec), crop=crop))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("size", "side"), [((637, 421), 90), ((421, 637), 40), ((637, 421), 20)])
def test_whichever_way_the_camera_was_held_nothing_is_shifted(
    orientation: int, size: tuple[int, int], side: int, photos: dict[str, Image.Image]
) -> None:
    """Row 3. No side is a multiple of the reduction, so the picture ends inside the last pixel."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = jpeg(photos["daisy"].resize(size), exif=exif)
    for spec in (reduced(side), reduced(side, "shortest")):
        decoded = decoded_picture(data, spec)
        assert decoded.image.width < decoded.size[0]
        assert decoded.size == read_image(data).size
        assert close(fit_size(decoded, spec), read_pixels(data, full(spec)))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 75}])
def test_other_kinds_of_jpeg_are_reduced_too(
    mode: str, options: dict[str, Any], photos: dict[str, Image.Image]
) -> None:
    data, spec = jpeg(photos["daisy"].convert(mode), **options), reduced(96)
    assert decoded_picture(data, spec).image.size == (320, 214)
    assert close(read_pixels(data, spec), read_pixels(data, full(spec)))


def test_where_it_is_not_enough_the_pixels_are_those_of_full_decoding(photos: dict[str, Image.Image]) -> None:
    spec = reduced(224)
    data = jpeg(photos["palace"])
    assert torch.equal(read_pixels(data, spec), read_pixels(data, full(spec)))
    nearest = dataclasses.replace(reduced(32), interpolation="nearest")  # takes single pixels, so they must be there
    assert torch.equal(read_pixels(data, nearest), read_pixels(data, full(nearest)))


def test_a_long_strip_is_decoded_in_full() -> None:
    data, spec = jpeg(Image.radial_gradient("L").resize((4000, 300))), reduced(32, "shortest")
    assert torch.equal(read_pixels(data, spec, crop=False), read_pixels(data, full(spec), crop=False))


def test_other_formats_and_images_in_memory_are_decoded_in_full(photos: dict[str, Image.Image]) -> None:
    buffer, spec = io.BytesIO(), reduced(64)
    photos["palace"].save(buffer, "PNG", compress_level=1)
    assert decoded_picture(buffer.getvalue(), spec).image.size == (640, 427)
    lazy = Image.open(io.BytesIO(jpeg(photos["palace"])))
    assert decoded_picture(lazy, spec).image.size == lazy.size == (640, 427)


def test_a_truncated_file_is_an_error_that_names_it(tmp_path: Path, photos: dict[str, Image.Image]) -> None:
    """Row 1."""
    data = jpeg(photos["palace"])
    for share in (0.5, 0.99):
        (tmp_path / "half.jpg").write_bytes(data[: int(share * len(data))])
        with pytest.raises(ImageError, match=r"half\.jpg.*truncated"):
            decode(tmp_path / "half.jpg", reduction=lambda _: 8)


def test_the_limit_is_for_the_size_that_the_header_promises(photos: dict[str, Image.Image]) -> None:
    """Row 6."""
    with pytest.raises(ImageError, match="640 x 427 = 273280 pixels"):
        decode(jpeg(photos["palace"]), max_pixels=200_000, reduction=lambda _: 8)


def test_a_bundle_from_before_there_was_a_choice_reads_as_it_did() -> None:
    before = PreprocessSpec(64).to_dict()
    del before["decode"]
    assert PreprocessSpec.from_dict(before).decode == "full"
    assert PreprocessSpec.from_dict(reduced(64).to_dict()) == reduced(64)
