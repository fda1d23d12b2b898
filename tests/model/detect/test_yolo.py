"""YOLOX here gives what LibreYOLO's own model gives with the same weights, and needs little of LibreYOLO for it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from libreyolo.postprocess.yolox import postprocess
from torch import Tensor, nn

from tests.model.detect.shapes import scenes
from warmstart.errors import BackboneError, MissingExtraError
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.detect import libreyolo
from warmstart.model.detect.catalog import detector_on
from warmstart.model.pyramid import pyramid
from warmstart.preprocess.spec import PreprocessSpec

NAMES = ("ant", "bee", "cat")
SIDE = 96


@pytest.fixture(scope="module")
def whole() -> Any:
    """YOLOX-n with random weights that tell places apart."""
    torch.manual_seed(0)
    model = libreyolo.yolox().LibreYOLOXModel("n", nb_classes=len(NAMES))
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(part.weight, 0.8, 2.0)
    for layer in (*model.head.cls_preds, *model.head.obj_preds, *model.head.reg_preds):
        nn.init.normal_(layer.weight, 0, 0.3)
    return model.eval()


@pytest.fixture(scope="module")
def file(whole: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As LibreYOLO saves it."""
    path = tmp_path_factory.mktemp("yolo") / "best.pt"
    named = {"names": dict(enumerate(NAMES)), "nc": len(NAMES), "size": "n", "model_family": "yolox"}
    torch.save({"model": whole.state_dict(), **named}, path)
    return path


def mapped(backbone: Backbone) -> tuple[Backbone, Tensor, Tensor]:
    """The backbone with maps, images as YOLOX reads them, and rows of their maps."""
    images = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) * 255
    spec = backbone.preprocess.with_size(SIDE)
    given = pyramid(dataclasses.replace(backbone, spec=spec), (8, 16, 32))
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (spec.mean, spec.std))
    with torch.no_grad():
        return given, images, given.chain((images.flip(1) / 255 - mean) / std)


def test_detections_are_those_of_the_supplier(whole: Any, file: Path) -> None:
    backbone, images, rows = mapped(load_backbone(f"libreyolo:yoloxn@{file}"))
    head = detector_on(backbone, "", NAMES).eval()
    assert head.state_dict()["predictor.cls_preds.0.weight"].equal(whole.state_dict()["head.cls_preds.0.weight"])
    with torch.no_grad():
        found, raw = head(rows), whole(images)
    for i, mine in enumerate(found):
        one = [each[i : i + 1].clone() for each in raw]
        theirs = postprocess(one, 0.01, 0.65, SIDE, (SIDE, SIDE), 1.0, 100)
        mine = mine[mine[:, 0] >= 0]
        assert len(mine) == theirs["num_detections"] > 20
        torch.testing.assert_close(mine[:, 1], torch.tensor(theirs["scores"]), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(mine[:, 2:], torch.tensor(theirs["boxes"]), atol=1e-4, rtol=1e-4)
        assert mine[:, 0].tolist() == theirs["classes"]


def test_losses_are_those_of_the_supplier(whole: Any, file: Path) -> None:
    backbone, images, rows = mapped(load_backbone(f"libreyolo:yoloxn@{file}"))
    head = detector_on(backbone, "yolox", NAMES)
    targets = scenes(2, SIDE)[1]
    labels = torch.zeros(2, 3, 5)
    for label, boxes in zip(labels, targets, strict=True):
        boxes = boxes[boxes[:, 0] >= 0]
        low, high = boxes[:, 1:3], boxes[:, 3:5]
        label[: len(boxes)] = torch.cat([boxes[:, :1], (low + high) / 2, high - low], 1)
    head.train(), whole.train()
    whole.backbone.backbone.eval()  # the maps are those of above
    theirs, mine = whole(images, labels), head(rows, targets)
    whole.eval()
    expected = torch.stack([theirs[name] for name in ("iou_loss", "obj_loss", "cls_loss")])
    torch.testing.assert_close(mine, expected.expand(2, 3), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(mine.sum(1).mean(), theirs["total_loss"], atol=1e-4, rtol=1e-4)


def test_of_the_weights_classes_are_taken_by_name(whole: Any, file: Path) -> None:
    backbone, _, _ = mapped(load_backbone(f"libreyolo:yoloxn@{file}"))
    assert backbone.source_classes == NAMES
    theirs, fresh = whole.state_dict(), dataclasses.replace(backbone, source_weights=None)
    mine, drawn = (detector_on(each, "yolox", ("dog", "Bee"), seed=3).state_dict() for each in (backbone, fresh))
    last = "predictor.cls_preds.2.weight"
    assert mine[last][1].equal(theirs["head.cls_preds.2.weight"][1])
    assert mine[last][0].equal(drawn[last][0])
    assert mine["neck.C3_p3.conv1.conv.weight"].equal(theirs["backbone.C3_p3.conv1.conv.weight"])


def test_the_backbone_reads_images_as_yolox_was_trained_on_them(whole: Any, file: Path) -> None:
    backbone = load_backbone(f"libreyolo:yoloxn@{file}")
    spec = backbone.preprocess
    assert (spec.size, spec.resize) == (416, "pad")
    images = torch.rand(2, 3, SIDE, SIDE)
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (spec.mean, spec.std))
    with torch.no_grad():
        expected = whole.backbone.backbone(images.flip(1) * 255)["dark5"].mean((2, 3))
        torch.testing.assert_close(backbone.chain((images - mean) / std), expected, atol=1e-4, rtol=1e-4)
    names = {cut.name for cut in backbone.chain.cuts}
    assert {"dark3.1.conv3.act", "dark4.1.conv3.act", "dark5.2.conv3.act"} <= names


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.pt")
    with pytest.raises(BackboneError, match=r"has no backbone\.backbone\.stem"):
        load_backbone(f"libreyolo:yoloxs@{tmp_path / 'other.pt'}")


def test_a_file_of_another_size_is_refused(file: Path) -> None:
    with pytest.raises(BackboneError, match=r"stem\.conv\.conv\.weight"):
        load_backbone(f"libreyolo:yoloxs@{file}")


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("it ran",)


def test_nothing_in_a_file_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"model": Hostile()}, tmp_path / "hostile.pt")
    with pytest.raises(BackboneError, match="was refused"):
        load_backbone(f"libreyolo:yoloxs@{tmp_path / 'hostile.pt'}")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["yolo9x", "yoloxq", "yolox"])
def test_what_there_is_is_named(name: str) -> None:
    with pytest.raises(BackboneError, match=f"no backbone is called 'libreyolo:{name}'"):
        load_backbone(f"libreyolo:{name}?pretrained=false")


def test_no_file_is_needed_for_random_weights() -> None:
    with pytest.raises(BackboneError, match="names no file"):
        load_backbone("libreyolo:yoloxn")
    backbone = load_backbone("libreyolo:yoloxn?pretrained=false")
    assert backbone.card.random
    assert backbone.out_features == 256
    assert isinstance(backbone.spec, PreprocessSpec)


ALONE = """
import sys

class NoOpenCV:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "cv2":
            raise ImportError("libGL.so.1: cannot open shared object file")

blocker = NoOpenCV()
sys.meta_path.insert(0, blocker)
from warmstart.model.detect import libreyolo

libreyolo.yolox().YOLOXHead(2)
assert not [name for name in sys.modules if name.startswith(("libreyolo.models", "libreyolo.training", "cv2"))]
sys.meta_path.remove(blocker)
"""


def test_it_needs_no_opencv() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_libreyolo_is_whole_for_whoever_imports_it_later() -> None:
    later = "from libreyolo.models.yolox.trainer import YOLOXTrainer\nfrom libreyolo import LibreYOLOX"
    done = subprocess.run([sys.executable, "-c", ALONE + later], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_libreyolo_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    libreyolo.yolox.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"warmstart\[yolo\]"):
        libreyolo.yolox()
