"""Bands resized, filled, normalised and shown."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image

from tests.preprocess.tiles import SENTINEL, spec, values
from warmstart.preprocess.augment import AUGMENTATIONS, augment
from warmstart.preprocess.bands import Bands
from warmstart.preprocess.image import normalise, read_pixels
from warmstart.preprocess.resample import filled, preview
from warmstart.preprocess.spec import PreprocessSpec

KINDS = ("uint8", "uint16", "int16", "float32")


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("resize", ["shortest", "squash", "pad"])
def test_bands_keep_their_type_and_get_the_size(dtype: str, resize: Literal["shortest", "squash", "pad"]) -> None:
    wanted = dataclasses.replace(spec(13, size=16), resize=resize)
    pixels = read_pixels(values(13, dtype), wanted)
    assert pixels.shape == (13, 16, 16)
    assert str(pixels.numpy().dtype) == dtype


def test_at_its_own_size_nothing_is_changed() -> None:
    stored = values(13, "float32", 16, 16)
    assert np.array_equal(read_pixels(stored, spec()).numpy(), np.moveaxis(stored, 2, 0))


def test_each_band_is_resized_alone_with_the_filters_of_pictures() -> None:
    stored = values(2, "uint8", 40, 40)
    pixels = read_pixels(stored, spec(2))
    for band in range(2):
        grey = Image.fromarray(stored[..., band]).resize((16, 16), Image.Resampling.BICUBIC)
        assert np.abs(pixels[band].numpy().astype(int) - np.asarray(grey).astype(int)).max() <= 1  # in 8 bits or float


def test_what_bicubic_overshoots_stays_in_the_range_of_its_type() -> None:
    edge = np.zeros((8, 8, 1), np.uint16)
    edge[:, 4:] = 65535
    pixels = read_pixels(edge, spec(1, size=16)).numpy()
    assert (pixels.min(), pixels.max()) == (0, 65535)
    assert pixels[0, 0].tolist() == sorted(pixels[0, 0].tolist())


@pytest.mark.parametrize("dtype", KINDS)
def test_normalised_is_stored_over_scale_less_mean_over_std(dtype: str) -> None:
    stored = values(13, dtype, 16, 16)
    rows = normalise([read_pixels(stored, spec())], spec())
    expected = (stored.astype(np.float64) / 10_000 - 0.25) / 0.5
    assert rows.dtype == torch.float32
    assert np.allclose(rows[0].permute(1, 2, 0).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("gap", [np.nan, np.inf, -9999.0])
def test_what_is_missing_is_nothing_once_normalised_and_spreads_nowhere(gap: float) -> None:
    stored = np.full((16, 16, 2), 2500, np.float32)
    stored[4:6, 4:6, 1] = gap
    bands = Bands(stored, nodata=-9999.0)
    assert bool((normalise([torch.from_numpy(filled(bands, spec(2))).permute(2, 0, 1)], spec(2)) == 0).all())
    larger = read_pixels(np.where(stored == -9999.0, np.nan, stored), spec(2, size=24))
    assert bool((normalise([larger], spec(2)) == 0).all())


def test_padding_is_nothing_once_normalised() -> None:
    wanted = dataclasses.replace(spec(13, size=24), resize="pad")
    rows = normalise([read_pixels(values(13, "float32", 10, 20), wanted)], wanted)
    assert float(rows[0, :, 0].abs().max()) == 0
    assert float(rows[0, :, 12].abs().max()) > 0


def test_of_a_long_strip_only_the_middle_is_resized() -> None:
    wanted = dataclasses.replace(spec(2, size=16), resize="shortest", crop_pct=1.0)
    assert read_pixels(values(2, "uint16", 2, 4000), wanted).shape == (2, 16, 16)


def test_a_preview_takes_red_green_and_blue_by_name_else_the_first_three() -> None:
    stored = values(13)
    alone = np.asarray(preview(stored[:, :, [3, 2, 1]], ()))
    assert np.array_equal(np.asarray(preview(stored, SENTINEL)), alone)
    assert np.array_equal(np.asarray(preview(stored, ())), np.asarray(preview(stored[:, :, :3], ())))
    assert preview(stored[:, :, :2], ()).mode == "RGB"


def test_a_preview_is_stretched_and_not_blinded_by_one_value() -> None:
    ramp = np.linspace(1000, 1100, 400, dtype=np.float32).reshape(20, 20, 1)
    ramp[0, 0], ramp[0, 1] = 1e9, np.nan
    shown = np.asarray(preview(ramp, ()))
    assert shown.max() == 255
    assert 100 < np.median(shown) < 155


def test_a_band_without_any_value_is_shown_black() -> None:
    assert np.asarray(preview(np.full((8, 8, 3), np.nan, np.float32), ())).max() == 0


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("dtype", KINDS)
def test_every_augmentation_takes_bands_of_every_type(name: str, dtype: str) -> None:
    pixels = read_pixels(
        values(13, dtype, 40, 50), dataclasses.replace(spec(13, size=24), resize="shortest"), crop=False
    )
    before = pixels.clone()
    first, again = (augment(pixels, name, 24, np.random.default_rng(3), banded=True) for _ in range(2))
    assert first.shape == (13, 24, 24)
    assert (first.dtype, str(first.numpy().dtype)) == (pixels.dtype, dtype)
    assert torch.equal(first, again)
    assert torch.equal(pixels, before)


def test_strong_augmentation_of_bands_moves_pixels_and_changes_no_colour() -> None:
    flat = torch.from_numpy(np.full((13, 40, 40), 1234, np.uint16))
    for seed in range(5):
        assert bool((augment(flat, "standard", 24, np.random.default_rng(seed), banded=True).int() == 1234).all())


def test_all_bands_are_cropped_and_mirrored_alike() -> None:
    one = torch.from_numpy(values(1, "float32", 40, 40)[..., 0])
    out = augment(one.expand(5, -1, -1), "standard", 24, np.random.default_rng(1), banded=True)
    assert bool((out == out[:1]).all())


def test_without_a_mean_to_fill_with_it_is_that_of_the_image() -> None:
    stored = np.full((4, 4, 2), 7, np.float32)
    stored[0, 0, 0] = np.nan
    assert filled(Bands(stored), PreprocessSpec().with_channels(2)).tolist() == np.full((4, 4, 2), 7.0).tolist()
