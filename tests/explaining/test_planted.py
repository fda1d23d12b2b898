"""What explanations say where it is known what the answer rests on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.explaining.helpers import BAD, PATCH, SIDE, bumped, of_images, of_series, of_texts, patched
from warmstart.errors import DataError
from warmstart.explaining.asked import Asked, pick
from warmstart.explaining.explain import explain_samples, methods_for
from warmstart.explaining.integrated import Integrated
from warmstart.explaining.methods import methods
from warmstart.explaining.places import speaking
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.reading import as_samples, read, stacked


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return of_images(tmp_path_factory.mktemp("images") / "bundle")


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return of_series(tmp_path_factory.mktemp("series") / "bundle")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return of_texts(tmp_path_factory.mktemp("texts") / "bundle")


def in_corner(map_: np.ndarray, reach: int = PATCH + 4) -> float:
    """Share of a map in the corner of the patch, with as much around it as a place of the network's maps is wide."""
    return float(speaking(map_)[:reach, :reach].sum())


@pytest.mark.parametrize("method", ["gradcam", "integrated_gradients", "occlusion"])
def test_the_map_of_an_image_lies_on_the_patch_that_its_class_is_told_by(images: Bundle, method: str) -> None:
    found = explain_samples(images, as_samples([patched("red", 90), patched("green", 91)]), method=method, check=False)
    assert [one.label for one in found] == ["red", "green"]
    for one in found:
        assert one.map is not None
        assert one.map.shape == (SIDE, SIDE)
        assert in_corner(one.map) > 0.5, f"{in_corner(one.map):.2f} where chance is {(14 / SIDE) ** 2:.2f}"
        assert "top left" in one.rests_on
    drops = [one.drop for one in found if one.drop is not None]
    assert len(drops) == 2
    assert max(drop.important - drop.elsewhere for drop in drops) > 0.2  # without any patch the answer is one of both


def test_a_larger_image_gets_a_map_of_its_own_size_in_which_the_patch_lies_where_it_is(images: Bundle) -> None:
    wide = patched("red", 92).resize((160, 96))
    (one,) = explain_samples(images, as_samples([wide]), check=False)
    assert one.map is not None
    assert one.map.shape == (96, 160)
    assert float(speaking(one.map)[:48, :80].sum()) > 0.5


def test_exif_that_turns_an_image_turns_its_map(images: Bundle, tmp_path: Path) -> None:
    plain = patched("red", 93)
    turned = plain.rotate(90)  # counter-clockwise; orientation 6 turns it back
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    upright, back = explain_samples(images, as_samples([plain, tmp_path / "turned.png"]), check=False)
    assert upright.map is not None
    assert back.map is not None
    np.testing.assert_allclose(back.map, upright.map, atol=1e-5)


def test_integrated_gradients_add_up_to_the_score(images: Bundle) -> None:
    asked = Asked.of(images)
    x = stacked([read(as_samples([patched("red", 94)])[0], images.spec)], images.spec)
    with torch.no_grad():
        chosen = pick(asked.task, images.manifest.target, asked.outputs(x), None)
        difference = float(chosen.score(asked.outputs(x)) - chosen.score(asked.outputs(torch.zeros_like(x))))
    found = Integrated((128,)).attribute(asked, chosen, x)
    assert found.values.sum() == pytest.approx(difference, rel=0.05)
    assert found.gap == pytest.approx(abs(float(found.values.sum()) - difference) / abs(difference), abs=1e-3)


def test_a_text_rests_on_the_one_word_that_decides(texts: Bundle) -> None:
    sentences = [f"The film at the old theatre was {word} last night." for word in BAD[:2]]
    found = explain_samples(texts, as_samples(sentences, texts.spec), check=False)
    assert methods_for(texts)[0] == "integrated_gradients"
    for one, word in zip(found, BAD, strict=False):
        assert one.label == "bad"
        assert max(one.words, key=lambda pair: pair[1])[0] == word
        assert [name for name, _ in one.words][:4] == ["The", "film", "at", "the"]
        assert one.rests_on.startswith(word)
        assert one.map is None
        assert one.picture() is None
        assert one.gap is not None
        assert one.gap < 0.05


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion"])
def test_a_series_rests_on_its_bump(series: Bundle, method: str) -> None:
    (one,) = explain_samples(series, as_samples([bumped(1, 70, 99)], series.spec), method=method, check=False)
    assert one.label == "up"
    assert one.map is not None
    assert one.map.shape == (1, 128)
    assert float(speaking(one.map)[0, 62:94].sum()) > 0.6


def test_convolutions_that_count_are_explained_by_covering_alone(tmp_path: Path) -> None:
    bundle = of_series(tmp_path / "bundle", "minirocket:504")
    assert methods_for(bundle) == ["occlusion"]
    (one,) = explain_samples(bundle, as_samples([bumped(0, 30, 98)], bundle.spec), check=False)
    assert one.label == "down"
    assert one.map is not None
    assert float(speaking(one.map)[0, 22:54].sum()) > 0.6
    with pytest.raises(DataError, match="differentiated"):
        explain_samples(bundle, as_samples([bumped(0, 30, 98)], bundle.spec), method="integrated_gradients")


def test_the_nearest_training_samples_are_those_of_its_class(images: Bundle) -> None:
    (one,) = explain_samples(images, as_samples([patched("green", 95)]), nearest=3, check=False)
    assert [near.label for near in one.nearest] == ["green"] * 3
    assert all(near.name.startswith("train/") for near in one.nearest)
    similar = [near.similarity for near in one.nearest]
    assert similar == sorted(similar, reverse=True)
    assert explain_samples(images, as_samples([patched("green", 95)]), nearest=0, check=False)[0].nearest == ()


def test_another_label_is_explained_where_it_is_named(images: Bundle) -> None:
    (one,) = explain_samples(images, as_samples([patched("red", 96)]), label="green", check=False)
    assert one.label == "green"
    assert one.probability is not None
    assert one.probability < 0.5
    with pytest.raises(DataError, match="gren"):
        explain_samples(images, as_samples([patched("red", 96)]), label="gren", check=False)


def test_a_method_that_is_not_there_or_for_other_inputs_is_refused(images: Bundle, series: Bundle) -> None:
    with pytest.raises(Exception, match="gradcan"):
        explain_samples(images, as_samples([patched("red", 97)]), method="gradcan")
    with pytest.raises(DataError, match="gradcam"):
        explain_samples(series, as_samples([bumped(1, 70, 99)], series.spec), method="gradcam")
    assert set(methods_for(images)) == {"gradcam", "integrated_gradients", "occlusion"}
    assert all(methods[name].kinds for name in methods_for(images))
