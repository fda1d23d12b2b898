"""What is asked of boxes and masks, and how it reaches the data and the backbone."""

from __future__ import annotations

import pytest

from warmstart.api.inputs.options import KEPT, how_read
from warmstart.api.inputs.scenes import SIZES, of_scenes, posed, sized
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import ClassTarget, Dataset
from warmstart.data.synthetic.scenes import generate_scenes
from warmstart.errors import DataError
from warmstart.model.catalog import load_backbone


def test_a_head_and_a_loss_become_part_of_the_target() -> None:
    masks = posed(generate_scenes(2, "segment"), "fpn", "dice", None).target
    assert isinstance(masks, MaskTarget)
    assert (masks.head, masks.loss) == ("fpn", "dice")
    boxes = posed(generate_scenes(2, "detect"), "ssd", None, None).target
    assert isinstance(boxes, BoxTarget)
    assert boxes.head == "ssd"
    given = generate_scenes(2, "segment")
    assert posed(given, None, None, None) is given


def test_a_loss_for_boxes_and_a_head_for_classes_are_errors() -> None:
    with pytest.raises(DataError, match=r"(?s)'dice' for boxes.*--head"):
        posed(generate_scenes(1, "detect"), None, "dice", None)
    with pytest.raises(DataError, match=r"(?s)head and loss for the task 'classify'.*'detect' or 'segment'"):
        posed(Dataset((), ClassTarget(("a",))), "unet", "dice", None)


def test_options_are_kept_and_passed_on_in_one_place() -> None:
    assert {"head", "loss"} <= set(KEPT)
    assert how_read({"task": "segment", "head": "unet", "loss": None})["head"] == "unet"


@pytest.mark.parametrize("task", ["detect", "segment"])
def test_inputs_are_square_padded_and_of_a_multiple_of_32_where_no_size_is_asked_for(task: str) -> None:
    target = generate_scenes(1, task).target  # type: ignore[arg-type]
    assert isinstance(target, BoxTarget | MaskTarget)
    backbone = load_backbone("toy")
    found = sized(backbone, target, None).preprocess
    assert (found.size, found.resize) == (SIZES[target.kind], "pad")
    assert found.size % 32 == 0
    assert sized(backbone, target, 96).preprocess.size == 96
    assert backbone.preprocess.size == 32


def test_scenes_are_told_by_the_data_or_by_what_the_user_says() -> None:
    assert of_scenes(generate_scenes(1, "detect"), None)
    assert of_scenes("anything", "segment")
    assert not of_scenes(Dataset((), ClassTarget(("a",))), None)
    assert not of_scenes("nothing-here", None)
