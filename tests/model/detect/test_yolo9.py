"""YOLO9 here gives what LibreYOLO's own model gives with the same weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from libreyolo.models.yolo9.nn import LibreYOLO9Model
from libreyolo.postprocess.yolo9 import postprocess
from torch import nn

from tests.model.detect.shapes import scenes
from tests.model.detect.test_yolo import mapped
from warmstart.errors import BackboneError, RecipeError
from warmstart.model.catalog import load_backbone
from warmstart.model.detect.catalog import detector_on
from warmstart.model.maps import Maps

NAMES = ("ant", "bee", "cat")
SIDE, WIDTH = 96, 80


@pytest.fixture(scope="module")
def whole() -> Any:
    """YOLO9-t with random weights that tell places apart; its class towers are those of COCO, as after a transfer."""
    torch.manual_seed(0)
    model: Any = LibreYOLO9Model("t", nb_classes=WIDTH)
    model.head.nc, model.head.no = len(NAMES), len(NAMES) + 64
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(part.weight, 0.8, 2.0)
    for tower in model.head.cv3:
        tower[-1] = nn.Conv2d(WIDTH, len(NAMES), 1)
        nn.init.normal_(tower[-1].weight, 0, 0.3)
        nn.init.constant_(tower[-1].bias, -3.0)
    return model.eval()


@pytest.fixture(scope="module")
def file(whole: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As LibreYOLO saves it."""
    path = tmp_path_factory.mktemp("yolo9") / "best.pt"
    named = {"names": dict(enumerate(NAMES)), "nc": len(NAMES), "size": "t", "model_family": "yolo9"}
    torch.save({"model": whole.state_dict(), **named}, path)
    return path


def test_detections_are_those_of_the_supplier(whole: Any, file: Path) -> None:
    backbone, images, rows = mapped(load_backbone(f"libreyolo:yolo9t@{file}"))
    head = detector_on(backbone, "", NAMES).eval()
    assert (head.name, head.options["class_width"]) == ("yolo9", WIDTH)
    with torch.no_grad():
        found, raw = head(rows), whole(images / 255)["predictions"]
    for i, mine in enumerate(found):
        theirs = postprocess({"predictions": raw[i : i + 1]}, 0.01, 0.65, SIDE, (SIDE, SIDE), 100)
        mine = mine[mine[:, 0] >= 0]
        assert len(mine) == theirs["num_detections"] > 10
        torch.testing.assert_close(mine[:, 1], torch.as_tensor(theirs["scores"]), atol=1e-4, rtol=1e-4)
        boxes = torch.as_tensor(theirs["boxes"])
        torch.testing.assert_close(mine[:, 2:], boxes, atol=1e-3, rtol=1e-4)


def test_losses_are_those_of_the_supplier(whole: Any, file: Path) -> None:
    backbone, _, rows = mapped(load_backbone(f"libreyolo:yolo9t@{file}"))
    head = detector_on(backbone, "yolo9", NAMES)
    targets = scenes(2, SIDE)[1]
    labels = torch.zeros(2, 3, 5)
    for label, boxes in zip(labels, targets, strict=True):
        boxes = boxes[boxes[:, 0] >= 0]
        label[: len(boxes)] = torch.cat([boxes[:, :1], boxes[:, 1:5] / SIDE], 1)
    head.train(), whole.train()
    assert backbone.maps is not None
    maps = whole.neck(*backbone.maps.unpack(rows))
    theirs, mine = whole.head(list(maps), labels, (SIDE, SIDE)), head(rows, targets)
    whole.eval()
    expected = torch.stack([theirs[name] for name in ("box_loss", "dfl_loss", "cls_loss")])
    torch.testing.assert_close(mine, expected.expand(2, 3), atol=1e-4, rtol=1e-4)


def test_of_the_weights_classes_are_taken_by_name(whole: Any, file: Path) -> None:
    backbone, _, _ = mapped(load_backbone(f"libreyolo:yolo9t@{file}"))
    assert backbone.source_classes == NAMES
    theirs, fresh = whole.state_dict(), dataclasses.replace(backbone, source_weights=None)
    mine = detector_on(backbone, "yolo9", ("dog", "Bee"), seed=3).state_dict()
    drawn = detector_on(fresh, f"yolo9?class_width={WIDTH}", ("dog", "Bee"), seed=3).state_dict()
    last = "predictor.cv3.2.2.weight"
    assert mine[last][1].equal(theirs["head.cv3.2.2.weight"][1])
    assert mine[last][0].equal(drawn[last][0])
    assert mine["neck.whole.elan_up1.cv1.conv.weight"].equal(theirs["neck.elan_up1.cv1.conv.weight"])


def test_the_backbone_reads_images_as_yolo9_was_trained_on_them(whole: Any, file: Path) -> None:
    backbone = load_backbone(f"libreyolo:yolo9t@{file}")
    spec = backbone.preprocess
    assert (spec.size, spec.resize) == (640, "pad")
    images = torch.rand(2, 3, SIDE, SIDE)
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (spec.mean, spec.std))
    with torch.no_grad():
        expected = whole.backbone(images)[-1].mean((2, 3))
        torch.testing.assert_close(backbone.chain((images - mean) / std), expected, atol=1e-4, rtol=1e-4)


def test_what_does_not_fit_is_refused_by_name(file: Path) -> None:
    with pytest.raises(BackboneError, match=r"conv0\.conv\.weight"):
        load_backbone(f"libreyolo:yolo9s@{file}")
    with pytest.raises(BackboneError, match=r"has no backbone\.backbone\.stem"):
        load_backbone(f"libreyolo:yoloxs@{file}")
    maps = Maps(("a", "b", "c"), (8, 8, 8), (8, 16, 32), (8, 4, 2), 64)
    for options, said in (("size=q", "one of t, s, m, c"), ("class_width=7", "64, or more")):
        with pytest.raises(RecipeError, match=said):
            detector_on(dataclasses.replace(load_backbone("toy"), maps=maps), f"yolo9?{options}", NAMES)
