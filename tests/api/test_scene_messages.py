"""What a newcomer reads where boxes or masks are asked for in a way that cannot be answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from warmstart.api.inputs.scenes import posed
from warmstart.api.recommend import recommend
from warmstart.data.sources import load
from warmstart.data.synthetic.scenes import write_scenes
from warmstart.errors import DataError, RecipeError
from warmstart.evaluation.interval import Interval
from warmstart.model.detect.dense import FCOS


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(str(tmp_path_factory.mktemp("scenes") / "shapes"), 6, size=(48, 36))


def test_masks_beside_coco_are_not_called_images_without_annotations(shapes: Path) -> None:
    notes = load(shapes).notes
    assert any("6 mask(s) lie there too" in note for note in notes)
    assert not any("in no annotation" in note for note in notes)


def test_a_head_of_the_other_task_is_named(shapes: Path) -> None:
    with pytest.raises(DataError, match="'unet', which finds masks"):
        posed(load(shapes), "unet", None, None)
    with pytest.raises(DataError, match="'fcos', which finds boxes"):
        posed(load(shapes, task="segment"), "fcos?channels=32", None, None)


def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no"):
        load(tmp_path / "nowhere", task="detect")


def test_no_backbone_is_recommended_for_boxes(shapes: Path) -> None:
    with pytest.raises(DataError, match="images with boxes or masks"):
        recommend(shapes, backbones="toy")


def test_channels_that_groups_cannot_share_are_refused() -> None:
    with pytest.raises(RecipeError, match="channels=30"):
        FCOS(None, 2, channels=30)  # type: ignore[arg-type]  # refused before the maps are looked at


def test_an_interval_stays_within_what_its_value_can_be() -> None:
    assert Interval(0.1, -0.1, 1.2).within(0, 1) == Interval(0.1, 0.0, 1.0)
