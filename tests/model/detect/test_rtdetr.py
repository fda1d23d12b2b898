"""RT-DETR and D-FINE here give what transformers' own models give with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    DFineConfig,
    DFineForObjectDetection,
    HGNetV2Config,
    RTDetrConfig,
    RTDetrForObjectDetection,
    RTDetrImageProcessor,
    RTDetrResNetConfig,
)

from tests.model.detect.shapes import MAPS, scenes
from warmstart.errors import MissingExtraError
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.detect.catalog import detector, detector_on
from warmstart.model.head import build_head
from warmstart.model.pyramid import pyramid

NAMES = ("ant", "bee", "cat")
SIDE = 96
STAGES: dict[str, Any] = {"depths": [1] * 4, "out_indices": [2, 3, 4]}
SMALL: dict[str, Any] = {
    "encoder_in_channels": [24, 32, 40],
    "d_model": 32,
    "encoder_hidden_dim": 32,
    "decoder_in_channels": [32] * 3,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 64,
    "num_queries": 30,
    "decoder_layers": 2,
    "num_denoising": 10,
    "id2label": dict(enumerate(NAMES)),
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
}


def rtdetr() -> Any:
    body = RTDetrResNetConfig(embedding_size=16, hidden_sizes=[16, 24, 32, 40], layer_type="basic", **STAGES)
    return RTDetrForObjectDetection(RTDetrConfig(backbone_config=body, **SMALL))


def dfine() -> Any:
    body = HGNetV2Config(
        stem_channels=[3, 8, 16],
        stage_in_channels=[16, 16, 24, 32],
        stage_mid_channels=[8] * 4,
        stage_out_channels=[16, 24, 32, 40],
        stage_num_blocks=[1] * 4,
        hidden_sizes=[16, 24, 32, 40],
        **STAGES,
    )
    return DFineForObjectDetection(DFineConfig(backbone_config=body, **SMALL))


MODELS: dict[str, Callable[[], Any]] = {"rtdetr": rtdetr, "dfine": dfine}
kinds = pytest.mark.parametrize("kind", MODELS)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Path]]:
    """Models with random weights that tell places apart, and folders of them as the hub has them."""
    found = {}
    for kind, make in MODELS.items():
        torch.manual_seed(0)
        model = make().eval()
        for part in model.modules():
            if isinstance(getattr(part, "running_var", None), Tensor):
                for tensor in (part.running_mean, part.running_var, part.weight.data):
                    tensor.uniform_(0.5, 1.5)
        for weight in model.parameters():
            if weight.ndim > 1:
                nn.init.normal_(weight, 0, (2 / weight[0].numel()) ** 0.5)
        folder = tmp_path_factory.mktemp(kind)
        model.save_pretrained(folder)
        RTDetrImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
        found[kind] = model, folder
    return found


def mapped(folder: Path) -> tuple[Backbone, Tensor, Tensor]:
    """The backbone with maps, images, and rows of their maps."""
    backbone = pyramid(load_backbone(f"hf:{folder}"), (8, 16, 32))
    images = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return backbone, images, backbone.chain(images)


@kinds
def test_detections_are_those_of_the_supplier(published: dict[str, tuple[Any, Path]], kind: str) -> None:
    model, folder = published[kind]
    backbone, images, rows = mapped(folder)
    assert backbone.source_classes == NAMES
    head = detector_on(backbone, "", NAMES).eval()
    with torch.no_grad():
        found, raw = head(rows), model(images)
    theirs = RTDetrImageProcessor().post_process_object_detection(raw, 0.0, [(SIDE, SIDE)] * 2)
    for mine, expected in zip(found, theirs, strict=True):
        best = mine[: len(expected["scores"])]
        torch.testing.assert_close(best[:, 1], expected["scores"], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(best[:, 2:], expected["boxes"].clamp(0, SIDE), atol=1e-3, rtol=1e-4)
        assert best[:, 0].tolist() == expected["labels"].tolist()
    again = build_head(head.config)
    again.load_state_dict(head.state_dict())
    with torch.no_grad():
        assert torch.equal(again.eval()(rows), found)


@kinds
def test_losses_are_those_of_the_supplier(published: dict[str, tuple[Any, Path]], kind: str) -> None:
    model, folder = published[kind]
    backbone, images, rows = mapped(folder)
    head, targets = detector_on(backbone, kind, NAMES), scenes(2, SIDE)[1]
    labels = []
    for boxes in targets:
        boxes = boxes[boxes[:, 0] >= 0]
        low, high = boxes[:, 1:3] / SIDE, boxes[:, 3:5] / SIDE
        labels.append({"class_labels": boxes[:, 0].long(), "boxes": torch.cat([(low + high) / 2, high - low], 1)})
    head.train(), model.train()
    model.model.backbone.eval()  # the maps are those of above
    torch.manual_seed(0)  # of the noise
    theirs = model(images, labels=labels).loss
    torch.manual_seed(0)
    mine = head(rows, targets)
    model.eval()
    torch.testing.assert_close(mine.sum(1).mean(), theirs, atol=1e-3, rtol=1e-4)


@kinds
def test_of_the_weights_classes_are_taken_by_name(published: dict[str, tuple[Any, Path]], kind: str) -> None:
    model, folder = published[kind]
    backbone, _, _ = mapped(folder)
    mine = detector_on(backbone, kind, ("dog", "Bee")).state_dict()
    theirs = model.state_dict()
    for name in ("model.enc_score_head.weight", "model.decoder.class_embed.1.bias"):
        assert mine[f"detr.{name}"][1].equal(theirs[name][1])
        assert not mine[f"detr.{name}"][0].equal(theirs[name][0])
    name = "model.encoder.fpn_blocks.0.conv1.conv.weight"
    assert mine[f"detr.{name}"].equal(theirs[name])


@kinds
def test_the_backbone_is_rebuilt_from_its_structure(published: dict[str, tuple[Any, Path]], kind: str) -> None:
    backbone = load_backbone(f"hf:{published[kind][1]}")
    again = load_backbone(backbone.card.name, structure=backbone.structure)
    again.module.load_state_dict(backbone.module.state_dict())
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(again.chain(images), backbone.chain(images))
    assert again.source_weights is None


def test_without_transformers_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"warmstart\[text\]"):
        detector("rtdetr", MAPS, 2)
