"""A file that the package rfdetr saves is read, and gives what the whole model gives."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.rfdetr import _model, read
from warmstart.model.catalog import load_backbone
from warmstart.model.detect.catalog import detector_on, strides
from warmstart.model.pyramid import pyramid

NAMES = ("ant", "bee", "cat")
SIDE = 384


@pytest.fixture(scope="module")
def whole() -> Any:
    """RF-DETR nano with random weights that tell places apart; of classes it has one more, as all have."""
    torch.manual_seed(0)
    model = _model("nano", len(NAMES) + 1)
    for name, value in model.named_parameters():
        if value.ndim == 1 or "embed" in name:
            nn.init.normal_(value, value.mean().item(), 0.1)
    return model.eval()


@pytest.fixture(scope="module")
def file(whole: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the names of tensors that rfdetr has, which transformers writes for a model that it has read from there."""
    place = tmp_path_factory.mktemp("rfdetr")
    whole.save_pretrained(place)
    named = load_file(place / "model.safetensors")
    assert "transformer.decoder.layers.0.self_attn.in_proj_weight" in named
    torch.save({"model": named, "args": argparse.Namespace(class_names=list(NAMES))}, place / "best.pth")
    return place / "best.pth"


@pytest.mark.slow
def test_a_file_gives_what_the_whole_model_gives(whole: Any, file: Path) -> None:
    backbone = load_backbone(f"rfdetr:nano@{file}")
    assert (backbone.source_classes, strides("", backbone)) == ((*NAMES, ""), (16,))
    body = pyramid(backbone, strides("", backbone))
    head = detector_on(body, "", ("cat", "dog", "ant")).eval()
    assert (head.name, head.options["layers"]) == ("rfdetr", 2)
    images = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        rows = body.chain(images)
        assert body.maps is not None
        maps = body.maps.unpack(rows)
        mask = torch.ones(1, SIDE, SIDE)
        torch.testing.assert_close(maps[0], whole.model.backbone(images, mask)[0], atol=1e-4, rtol=1e-4)
        every = detector_on(body, "", (*NAMES, "")).eval()
        theirs = whole(images)
        boxes, logits = every.answers(maps)  # type: ignore[operator]
        torch.testing.assert_close(boxes, theirs.pred_boxes, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(logits[..., :3], theirs.logits[..., :3], atol=1e-4, rtol=1e-4)
    mine, last = head.state_dict(), whole.state_dict()["class_embed.weight"]
    assert mine["detr.class_embed.weight"][[0, 2]].equal(last[[2, 0]])


@pytest.mark.slow
def test_a_file_of_another_size_is_refused(file: Path) -> None:
    with pytest.raises(BackboneError, match="is of 2 layers of decoder and 576 places"):
        load_backbone(f"rfdetr:small@{file}")


def test_a_file_of_another_network_and_another_name_are_refused(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.pth")
    with pytest.raises(BackboneError, match="no backbone is called 'rfdetr:huge'"):
        load_backbone("rfdetr:huge?pretrained=false")
    with pytest.raises(BackboneError, match=r"has no backbone\.0\.encoder"):
        read(tmp_path / "other.pth", "nano")
