"""Resizing and normalising, against timm's evaluation transform."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data.transforms_factory import create_transform

from warmstart.preprocess.image import fit_size, normalise, prepare, to_image, to_pixels
from warmstart.preprocess.spec import PreprocessSpec


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("size", [(640, 427), (427, 640), (300, 300), (33, 50), (225, 224)])
@pytest.mark.parametrize(("side", "crop_pct"), [(224, 0.875), (96, 0.875), (64, 0.9), (32, 1.0)])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_it_equals_the_evaluation_transform_of_timm(
    size: tuple[int, int], side: int, crop_pct: float, interpolation: Literal["bicubic", "bilinear"]
) -> None:
    spec = PreprocessSpec(side, "shortest", crop_pct, interpolation)
    theirs = create_transform(
        (3, side, side), interpolation=interpolation, crop_pct=crop_pct, mean=spec.mean, std=spec.std
    )
    assert torch.equal(prepare([noise(*size)], spec)[0], theirs(noise(*size)))


@pytest.mark.parametrize("name", ["palace", "daisy"])
@pytest.mark.parametrize(("side", "crop_pct"), [(224, 0.875), (260, 0.904)])
def test_real_photos_are_those_of_timm_to_the_last_bit(
    name: str, side: int, crop_pct: float, photos: dict[str, Image.Image]
) -> None:
    spec = PreprocessSpec(side, "shortest", crop_pct, "bicubic")
    theirs = create_transform(
        (3, side, side), is_training=False, interpolation="bicubic", crop_pct=crop_pct, mean=spec.mean, std=spec.std
    )
    for photo in (photos[name], photos[name].transpose(Image.Transpose.ROTATE_90)):
        assert torch.equal(prepare([photo], spec)[0], theirs(photo))


@pytest.mark.parametrize(("mode", "timm_mode"), [("squash", "squash"), ("pad", "border")])
def test_the_other_ways_to_resize_equal_those_of_timm(mode: Literal["squash", "pad"], timm_mode: str) -> None:
    spec = PreprocessSpec(64, mode, 1.0, "bicubic")
    theirs = create_transform(
        (3, 64, 64), interpolation="bicubic", crop_pct=1.0, crop_mode=timm_mode, mean=spec.mean, std=spec.std
    )
    for size in ((100, 60), (61, 100), (64, 64)):
        assert torch.equal(prepare([noise(*size)], spec)[0], theirs(noise(*size)))


def test_without_crop_the_whole_image_is_left_and_its_centre_is_the_crop() -> None:
    spec = PreprocessSpec(64)
    whole, crop = fit_size(noise(100, 80), spec, crop=False), fit_size(noise(100, 80), spec)
    assert whole.shape == (3, 73, 91)
    assert torch.equal(whole[:, 4:68, 14:78], crop)


def test_a_long_strip_takes_no_more_memory_than_a_picture() -> None:
    """Row 6: 1 x 60000 at 256 px would be 15 million columns."""
    assert fit_size(Image.new("RGB", (60_000, 1)), PreprocessSpec(64), crop=False).shape == (3, 73, 730)


def test_padding_is_zero_once_normalised() -> None:
    spec = PreprocessSpec(64, "pad", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    assert prepare([Image.new("RGB", (64, 16), "white")], spec)[0, :, 0].abs().max() < 0.01


def test_a_spec_of_one_channel_gives_one() -> None:
    spec = PreprocessSpec(16, channels=1, mean=(0.5,), std=(0.5,))
    for mode in ("shortest", "squash", "pad"):
        resized = PreprocessSpec(16, mode, channels=1, mean=(0.5,), std=(0.5,))
        assert prepare([noise(20, 30)], resized).shape == (1, 1, 16, 16)
    assert (prepare([Image.new("RGB", (16, 16), "white")], spec) == 1.0).all()


@pytest.mark.parametrize("mode", ["shortest", "squash", "pad"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("channels", [1, 3])
def test_grey_is_resized_in_one_channel_to_what_three_would_be(
    mode: Literal["shortest", "squash", "pad"], interpolation: Literal["nearest", "bicubic"], channels: int
) -> None:
    grey = noise(28, 40).convert("L")
    spec = PreprocessSpec(48, mode, interpolation=interpolation, channels=channels)
    for crop in (True, False):
        three = fit_size(grey.convert("RGB"), spec, crop=crop)
        assert torch.equal(fit_size(grey, spec, crop=crop), three)
        assert torch.equal(to_pixels(to_image(three)), three)


def test_normalised_batches_are_channels_last_and_leave_the_input_alone() -> None:
    batch = torch.full((2, 3, 8, 8), 255, dtype=torch.uint8)
    floats = normalise(batch, PreprocessSpec(8))
    assert floats.is_contiguous(memory_format=torch.channels_last)
    assert floats.dtype == torch.float32
    assert (batch == 255).all()
