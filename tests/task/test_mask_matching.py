"""Average precision of outlines, checked against pycocotools, and what becomes of outlines in the task."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.models.detection.roi_heads import paste_masks_in_image

from tests.task.drawn_boxes import coco_outlines, expected, outlined, scene
from warmstart.data.scenes import BoxTarget
from warmstart.task.box_matching import matched
from warmstart.task.box_precision import metric_values
from warmstart.task.detect import DETECT
from warmstart.task.mask_matching import DrawnOutlines, pasted


@pytest.mark.parametrize("seed", range(6))
def test_all_that_coco_reports_of_outlines_is_equal(seed: int) -> None:
    classes = 1 + seed % 3
    said, told = outlined(*scene(seed, images=8, classes=classes, most=20), seed)
    found = metric_values(matched(said, told, classes, DrawnOutlines(said, told)), ())
    assert {name: float(value.mean()) for name, value in found.items()} == pytest.approx(
        expected(coco_outlines(said, told, classes)), abs=1e-6
    )


@pytest.mark.parametrize("seed", range(4))
def test_outlines_are_drawn_as_torchvision_draws_them(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    shape, corner = torch.rand(28, 28, generator=rng), torch.rand(2, generator=rng) * 40 - 3
    box = torch.cat([corner, corner + torch.rand(2, generator=rng) * 60])
    theirs = paste_masks_in_image(shape[None, None], box[None], (50, 70))[0, 0] > 0.5
    assert np.array_equal(pasted(shape, box, (70, 50)).astype(bool), theirs.numpy())


def test_outlines_are_measured_beside_boxes_and_change_nothing_of_these() -> None:
    plain, told = scene(3)
    said, wide = outlined(plain, told, 3)
    both, boxes = DETECT.metrics(said, wide), DETECT.metrics(plain, wide)
    assert {name: both[name] for name in boxes} == pytest.approx(boxes)
    assert {name for name in both if name.startswith("mask_")} >= {"mask_map", "mask_map_50", "mask_ap_0"}
    assert not any(name.startswith("mask_") for name in boxes)


def test_a_box_of_several_networks_has_the_outline_of_the_surest() -> None:
    said, _ = outlined(*scene(2), 2)
    for row in said.flatten(0, 1)[::7]:
        row[6:] = torch.rand(784)
    fused = DETECT.combine([said, said])
    there = said[..., 0] >= 0
    torch.testing.assert_close(fused[there], said[there])
    assert fused.shape == said.shape


def test_answers_hold_the_shape_of_each_box() -> None:
    said, _ = outlined(*scene(2), 2)
    (row,) = DETECT.decode(said[:1], BoxTarget(("a", "b", "c")))
    assert all(box["shape"].shape == (28, 28) for box in row["boxes"])
