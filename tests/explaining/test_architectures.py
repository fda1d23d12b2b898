"""Grad-CAM finds the maps of any backbone: of convolutions as they lie, of transformers in their tokens."""

from __future__ import annotations

import pytest
import torch

from warmstart.data.targets import ClassTarget
from warmstart.errors import DataError
from warmstart.explaining.asked import Asked, pick
from warmstart.explaining.gradcam import FINE, GRADCAM, places_of
from warmstart.model.catalog import load_backbone
from warmstart.model.head import LinearHead
from warmstart.model.network import Network
from warmstart.task.base import tasks

NETWORKS = ("toy", "toy?taps=2", "timm:test_resnet", "timm:test_convnext", "timm:test_efficientnet", "timm:test_vit")


@pytest.mark.parametrize("name", NETWORKS)
def test_its_map_has_places_and_follows_the_input(name: str) -> None:
    backbone = load_backbone(name, pretrained=False)
    size, classes = backbone.spec.size, ClassTarget(("a", "b"))
    network = Network(backbone, LinearHead(backbone.out_features, 2)).eval().requires_grad_(False)
    asked = Asked((network,), backbone.spec, tasks["classify"], 1.0)
    places = places_of(backbone, size)
    assert places[0].side >= FINE
    x = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    maps = []
    for one in (x, x.flip(3)):
        with torch.no_grad():
            chosen = pick(asked.task, classes, asked.outputs(one), "a")
        maps.append(GRADCAM.attribute(asked, chosen, one).values)
    assert maps[0].shape == (size, size)
    assert maps[0].max() > 0
    assert maps[0].min() >= 0
    assert abs(maps[0] - maps[1]).max() > 0.01 * maps[0].max()


def test_tokens_of_the_class_are_not_places() -> None:
    backbone = load_backbone("timm:test_vit", pretrained=False)
    place = places_of(backbone, backbone.spec.size)[0]
    assert place.before == 1
    tokens = torch.zeros(1, 1 + place.side**2, 4)
    tokens[:, 0], tokens[:, 1] = 9, 5
    found = place.of(tokens, backbone)
    assert found.shape == (1, 4, place.side, place.side)
    assert found[0, 0, 0, 0] == 5


def test_a_network_without_places_says_which_methods_there_are() -> None:
    backbone = load_backbone("toy_series")
    network = Network(backbone, LinearHead(backbone.out_features, 2)).eval()
    asked = Asked((network,), backbone.spec, tasks["classify"], 1.0)
    chosen = pick(asked.task, ClassTarget(("a", "b")), torch.tensor([[1.0, 0.0]]), None)
    with pytest.raises(DataError, match="no maps") as raised:
        GRADCAM.attribute(asked, chosen, torch.zeros(1, 1, 128))
    assert "occlusion" in raised.value.do
