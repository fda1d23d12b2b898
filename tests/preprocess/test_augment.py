from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from warmstart.errors import RecipeError
from warmstart.preprocess.augment import AUGMENTATIONS, augment, random_crop_box
from warmstart.preprocess.image import centre


def picture(height: int = 73, width: int = 91, channels: int = 3) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, (channels, height, width), np.uint8))


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(73, 91), (64, 64), (20, 40)])
def test_the_result_has_the_size_and_depends_on_the_generator_alone(
    name: str, channels: int, height: int, width: int
) -> None:
    image = picture(height, width, channels)
    before = image.clone()
    torch.manual_seed(1)
    first = augment(image, name, 64, np.random.default_rng(7))
    torch.manual_seed(2)
    second = augment(image, name, 64, np.random.default_rng(7))
    assert (first.shape, first.dtype) == ((channels, 64, 64), torch.uint8)
    assert torch.equal(first, second)
    assert torch.equal(image, before)


@pytest.mark.parametrize("name", [n for n in AUGMENTATIONS if n != "none"])
def test_another_draw_gives_another_picture(name: str) -> None:
    drawn = {augment(picture(), name, 64, np.random.default_rng(seed)).numpy().tobytes() for seed in range(20)}
    assert len(drawn) == (2 if name == "flip" else 20)


def test_none_is_what_evaluation_sees() -> None:
    assert torch.equal(augment(picture(), "none", 64, np.random.default_rng(0)), centre(picture(), 64))


def test_a_name_that_is_not_known_is_an_error_that_lists_those_that_are() -> None:
    with pytest.raises(RecipeError, match=r"(?s)'strong'.*none, flip, light, standard"):
        augment(picture(), "strong", 64, np.random.default_rng(0))


@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    low=st.floats(0.05, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_random_crop_lies_in_the_image(height: int, width: int, low: float, seed: int) -> None:
    top, left, h, w = random_crop_box(height, width, (low, 1.0), np.random.default_rng(seed))
    assert 0 <= top <= top + h <= height
    assert 0 <= left <= left + w <= width
    assert min(h, w) > 0


def test_a_random_crop_keeps_the_share_of_the_area_that_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    boxes = [random_crop_box(200, 200, (0.35, 0.7), rng) for _ in range(500)]
    shares = [h * w / 40_000 for _, _, h, w in boxes]
    assert 0.33 < min(shares) < 0.40
    assert 0.65 < max(shares) < 0.72
    ratios = [w / h for _, _, h, w in boxes]
    assert 0.73 < min(ratios) < max(ratios) < 1.36


def test_it_takes_about_a_millisecond() -> None:
    image, rng = picture(256, 341), np.random.default_rng(0)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        augment(image, "standard", 224, rng)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.01  # about 0.001, also while a network uses all cores
