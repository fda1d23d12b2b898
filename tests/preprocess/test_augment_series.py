from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart.errors import RecipeError
from warmstart.preprocess.augment import AUGMENTATIONS as OF_IMAGES
from warmstart.preprocess.augment_series import AUGMENTATIONS, FloatArray, augment


def waves(channels: int = 2, steps: int = 100) -> FloatArray:
    """Sines of different periods, each its own."""
    at = np.arange(steps, dtype=np.float32)
    return np.stack([np.sin(at / (3 + channel)) + channel for channel in range(channels)])


@pytest.mark.parametrize("name", AUGMENTATIONS)
@given(channels=st.integers(1, 4), steps=st.integers(1, 60), seed=st.integers(0, 99))
def test_the_shape_stays_and_the_generator_alone_decides(name: str, channels: int, steps: int, seed: int) -> None:
    values = waves(channels, steps)
    before = values.copy()
    first = augment(values, name, np.random.default_rng(seed))
    second = augment(values, name, np.random.default_rng(seed))
    assert first.shape == values.shape
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert np.array_equal(first, second)
    assert np.array_equal(values, before)
    assert not np.shares_memory(first, values)


@pytest.mark.parametrize("name", ["light", "standard"])
def test_another_draw_gives_another_series(name: str) -> None:
    drawn = {augment(waves(), name, np.random.default_rng(seed)).tobytes() for seed in range(20)}
    assert len(drawn) == 20


@pytest.mark.parametrize("name", ["none", "flip"])
def test_nothing_is_changed_without_need(name: str) -> None:
    assert np.array_equal(augment(waves(), name, np.random.default_rng(0)), waves())


def test_the_names_are_those_of_images() -> None:
    assert (*OF_IMAGES, "crop") == AUGMENTATIONS


@pytest.mark.parametrize("name", ["light", "standard"])
def test_it_is_still_much_the_same_series(name: str) -> None:
    slow = np.sin(np.arange(200, dtype=np.float32) / 30)[None]
    for seed in range(30):
        found = augment(slow, name, np.random.default_rng(seed))
        assert np.corrcoef(found[0], slow[0])[0, 1] > 0.5


def test_all_channels_are_cut_and_warped_at_the_same_steps() -> None:
    twice = np.repeat(waves(1, 200), 2, axis=0)
    for seed in range(10):
        one, other = augment(twice, "standard", np.random.default_rng(seed))
        assert np.corrcoef(one, other)[0, 1] > 0.98


def test_a_constant_channel_stays_as_it_is() -> None:
    flat = np.full((1, 50), 7.0, dtype=np.float32)
    for name in AUGMENTATIONS:
        assert np.allclose(augment(flat, name, np.random.default_rng(0)), 7)


def test_a_name_that_is_not_known_is_an_error_that_lists_those_that_are() -> None:
    with pytest.raises(RecipeError, match=r"(?s)'strong'.*none, flip, light, standard"):
        augment(waves(), "strong", np.random.default_rng(0))
