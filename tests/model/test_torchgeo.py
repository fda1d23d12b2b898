"""torchgeo's weight entries, by a stand-in for the package: the mapping to a backbone, offline, and what goes wrong."""

from __future__ import annotations

import enum
import sys
import types
from pathlib import Path
from typing import Any, cast

import pytest
import timm
import torch
from huggingface_hub import constants
from torch import Tensor, nn

from warmstart.errors import BackboneError, MissingExtraError
from warmstart.model.catalog import list_backbones, load_backbone

NAME = "ResNet18_Weights.SENTINEL2_ALL_MOCO"
BANDS = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8a", "B9", "B10", "B11", "B12"]


class Normalize(nn.Module):
    def __init__(self, mean: Any, std: Any) -> None:
        super().__init__()
        self.flags = {"mean": torch.as_tensor(mean), "std": torch.as_tensor(std)}


class Resize(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.flags = {"size": size, "side": "short"}


class CenterCrop(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.flags = {"size": (size, size)}


class Entry:
    def __init__(self, transforms: list[nn.Module], **meta: Any) -> None:
        self.url = "https://example.org/resnet18-00000000.pth"
        self.transforms, self.meta = nn.Sequential(*transforms), meta


class ResNet18_Weights(enum.Enum):  # noqa: N801 - torchgeo's name
    SENTINEL2_ALL_MOCO = Entry(
        [Resize(256), CenterCrop(224), Normalize(0, 10000)], in_chans=13, bands=BANDS, dataset="SSL4EO-S12"
    )
    SENTINEL2_RGB_SECO = Entry(
        [
            Resize(256),
            CenterCrop(224),
            Normalize([3.0, 2.0, 0.0], [85.0, 101.0, 129.0]),
            Normalize(0, 1 / torch.tensor(255.0)),
            Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ],
        in_chans=3,
    )

    def __getattr__(self, name: str) -> Any:
        if name == "_value_":
            raise AttributeError(name)
        return getattr(self._value_, name)

    def get_state_dict(self, *, progress: bool, map_location: str, weights_only: bool) -> dict[str, Tensor]:
        assert weights_only
        torch.manual_seed(4)
        state: dict[str, Tensor] = timm.create_model("resnet18", in_chans=self.meta["in_chans"]).state_dict()
        return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}


class Unet_Weights(enum.Enum):  # noqa: N801
    FIELDS = Entry([], in_chans=3)


def get_weight(name: str) -> enum.Enum:
    for kind in (ResNet18_Weights, Unet_Weights):
        for entry in kind:
            if str(entry) == name:
                return entry
    raise ValueError(f"{name} is not a valid WeightsEnum")


@pytest.fixture
def torchgeo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    models = types.SimpleNamespace(
        get_weight=get_weight,
        list_models=lambda: ["resnet18", "dofa_huge_patch14_224", "unet"],
        get_model_weights=lambda name: {"resnet18": ResNet18_Weights, "unet": Unet_Weights}[name],
        get_model=lambda name, **options: timm.create_model(name, **options),
    )
    monkeypatch.setitem(sys.modules, "torchgeo", cast(Any, types.SimpleNamespace(models=models, __path__=[])))
    monkeypatch.setitem(sys.modules, "torchgeo.models", cast(Any, models))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return tmp_path


@pytest.mark.usefixtures("torchgeo")
def test_an_entry_is_a_backbone_with_its_bands() -> None:
    backbone = load_backbone(f"torchgeo:{NAME}")
    spec = backbone.preprocess
    assert (spec.channels, spec.scale, set(spec.mean), set(spec.std)) == (13, 10_000, {0.0}, {1.0})
    assert (spec.size, spec.crop_pct, spec.bands[1], spec.bands[8]) == (224, 0.875, "B02", "B8A")
    state = ResNet18_Weights.SENTINEL2_ALL_MOCO.get_state_dict(progress=False, map_location="cpu", weights_only=True)
    assert torch.equal(backbone.module.state_dict()["conv1.weight"], state["conv1.weight"])
    card = backbone.card
    assert (card.architecture, card.trained_on, card.licence) == ("resnet18", "SSL4EO-S12", "unknown")


@pytest.mark.usefixtures("torchgeo")
def test_normalisations_one_after_another_are_one() -> None:
    spec = load_backbone("torchgeo:ResNet18_Weights.SENTINEL2_RGB_SECO?pretrained=false").preprocess
    stored = torch.tensor([40.0, 50.0, 60.0])
    steps = (stored - torch.tensor([3.0, 2.0, 0.0])) / torch.tensor([85.0, 101.0, 129.0]) * 255
    expected = (steps - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    assert spec.scale is not None
    found = (stored / spec.scale - torch.tensor(spec.mean)) / torch.tensor(spec.std)
    assert torch.allclose(found, expected, rtol=1e-4)


def test_offline_it_is_not_fetched(torchgeo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BackboneError, match="HF_HUB_OFFLINE is set"):
        load_backbone(f"torchgeo:{NAME}")
    (torchgeo / "checkpoints").mkdir()
    (torchgeo / "checkpoints" / "resnet18-00000000.pth").touch()
    assert load_backbone(f"torchgeo:{NAME}").preprocess.channels == 13


@pytest.mark.usefixtures("torchgeo")
@pytest.mark.parametrize(
    ("name", "said"),
    [("ResNet18_Weights.SENTINEL2_ALL_MOKO", NAME), ("Unet_Weights.FIELDS", "a residual network")],
)
def test_what_is_not_there_is_said(name: str, said: str) -> None:
    with pytest.raises(BackboneError, match=said):
        load_backbone(f"torchgeo:{name}")


def test_without_torchgeo_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchgeo.models", cast(Any, None))  # which Python reads as: it cannot be imported
    with pytest.raises(MissingExtraError, match=r"warmstart\[geo\]"):
        load_backbone(f"torchgeo:{NAME}")
    assert any(str(row["name"]).startswith("torchgeo:") for row in list_backbones())
