"""RF-DETR here answers and learns as that of transformers does on the same maps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from warmstart.errors import RecipeError
from warmstart.model.detect.base import Truth
from warmstart.model.detect.catalog import detector
from warmstart.model.detect.rfdetr import RFDetr
from warmstart.model.maps import Maps

SIZE, GROUPS, QUERIES = 64, 2, 10
MAPS = Maps(("1", "2"), (16, 16), (16, 16), (4, 4), SIZE)
"""Two layers of its vision transformer, both of one size."""


def supplied() -> Any:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    body = transformers.AutoConfig.for_model(
        "rf_detr_dinov2",
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        out_features=["stage1", "stage2"],
        image_size=SIZE,
        patch_size=16,
        num_windows=1,
    )
    sizes = {"num_queries": QUERIES, "group_detr": GROUPS, "d_model": 32, "decoder_layers": 2, "decoder_ffn_dim": 128}
    config = transformers.AutoConfig.for_model("rf_detr", backbone_config=body, num_labels=3, dropout=0.0, **sizes)
    model = transformers.AutoModelForObjectDetection.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.05 * torch.randn_like(weight)
    return model.double()


def ours_of(model: Any) -> RFDetr:
    made = detector(f"rfdetr?queries={QUERIES}&layers=2&width=32&groups={GROUPS}", MAPS, 3).double()
    assert isinstance(made, RFDetr)
    state = {name: value for name, value in model.state_dict().items() if "backbone.backbone" not in name}
    for name in ("query_feat", "reference_point_embed"):
        state[f"model.{name}.every"] = state.pop(f"model.{name}.weight").view(GROUPS, QUERIES, -1)
    made.detr.load_state_dict(state)
    return made


def maps_of(model: Any, images: Tensor) -> list[Tensor]:
    with torch.no_grad():
        return list(model.model.backbone.backbone(images).feature_maps)


def test_answers_and_losses_are_those_of_the_supplier() -> None:
    model = supplied()
    made, images = ours_of(model), torch.randn(2, 3, SIZE, SIZE).double()
    maps = maps_of(model, images)
    with torch.no_grad():
        expected = model.eval()(images)
        boxes, logits = made.eval().answers(maps)
    torch.testing.assert_close(boxes, expected.pred_boxes)
    torch.testing.assert_close(logits, expected.logits)
    edges = torch.tensor([[4.0, 8, 30, 40], [20, 10, 60, 50]]).double()
    truths = [Truth(edges, torch.tensor([0, 2])), Truth(edges[:1], torch.tensor([1]))]
    middles = torch.cat([(edges[:, :2] + edges[:, 2:]) / 2, edges[:, 2:] - edges[:, :2]], 1) / SIZE
    told = [{"class_labels": each.classes, "boxes": middles[: len(each.classes)]} for each in truths]
    for part in made.modules():
        part.training = not isinstance(part, torch.nn.Dropout)
    for layer in made.detr.model.decoder.layers:
        layer.dropout = 0.0
    loss = model.train()(images, labels=told).loss
    torch.testing.assert_close(sum(made.learn(maps, SIZE, truths).values()), loss, check_dtype=False, rtol=1e-5, atol=0)


def test_fewer_places_than_queries() -> None:
    made = detector(f"rfdetr?queries=30&layers=1&width=32&groups={GROUPS}", MAPS, 3)
    rows = torch.randn(2, MAPS.width)
    assert made.train()(rows, made.example(2, SIZE)).isfinite().all()
    with torch.no_grad():
        found = made.eval()(rows)
    assert ((found[..., 0] >= 0).sum(1) == 16 * 3).all()


def test_a_width_that_does_not_go_is_said() -> None:
    with pytest.raises(RecipeError, match="width=40"):
        detector("rfdetr?width=40", MAPS, 3)
