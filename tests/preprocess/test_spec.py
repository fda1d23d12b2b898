"""What was written under a spec of pictures is still found; a spec of bands says what their values are."""

from __future__ import annotations

import dataclasses

import pytest

from warmstart.preprocess.spec import PreprocessSpec

BANDS = PreprocessSpec(channels=2, mean=(0.1, 0.2), std=(0.1, 0.1), bands=("B04", "B08"), scale=10_000.0)


def test_fields_that_came_later_change_neither_the_json_nor_the_key_of_a_picture() -> None:
    spec = PreprocessSpec(size=224)
    assert set(spec.to_dict()) == {
        "size", "resize", "crop_pct", "interpolation", "mean", "std", "channels", "kind", "decode"
    }  # fmt: skip
    assert spec.fingerprint == "6f8fd32773f3b539"  # as written by version 0.1.0


@pytest.mark.parametrize("spec", [BANDS, PreprocessSpec().with_channels(13), PreprocessSpec()])
def test_a_spec_survives_its_json(spec: PreprocessSpec) -> None:
    assert PreprocessSpec.from_dict(spec.to_dict()) == spec


def test_scale_and_names_are_part_of_the_key() -> None:
    others = [dataclasses.replace(BANDS, scale=255.0), dataclasses.replace(BANDS, bands=("B08", "B04"))]
    assert len({spec.fingerprint for spec in (BANDS, *others)}) == 3


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_and_colour_are_pictures_unless_their_channels_have_names_or_another_scale(channels: int) -> None:
    spec = PreprocessSpec(channels=channels, mean=(0.5,) * channels, std=(0.5,) * channels)
    assert not spec.banded
    assert dataclasses.replace(spec, bands=("a", "b", "c")[:channels]).banded
    assert dataclasses.replace(spec, scale=1.0).banded
    assert spec.with_channels(channels).banded


def test_means_and_names_are_as_many_as_the_channels() -> None:
    with pytest.raises(ValueError, match="3 means, 3 standard deviations and 0 band names for 13 channels"):
        PreprocessSpec(channels=13)
    with pytest.raises(ValueError, match="1 band names for 2 channels"):
        dataclasses.replace(BANDS, bands=("B04",))


def test_a_scale_that_is_not_known_yet_is_not_taken_for_one() -> None:
    with pytest.raises(ValueError, match="not measured"):
        _ = PreprocessSpec().with_channels(4).divisor
