"""Models in the form of the hub, saved by timm and transformers themselves with small random weights."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from tests.model.published import COMMIT, hub_snapshot
from warmstart.data.targets import ClassTarget
from warmstart.errors import BackboneError, LicenceError, MissingExtraError
from warmstart.model.catalog import load_backbone, untrained_module
from warmstart.model.head import LinearHead
from warmstart.model.network import Network
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.write import write_bundle

transformers = pytest.importorskip("transformers")

_VIT = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 32,
    "patch_size": 8,
}
_STAGES = {"hidden_sizes": [8, 16], "depths": [1, 2]}
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "vit": ("ViTForImageClassification", "ViTConfig", _VIT),
    "dinov2": ("Dinov2Model", "Dinov2Config", {**_VIT, "mlp_ratio": 2}),
    "dinov3_vit": ("DINOv3ViTModel", "DINOv3ViTConfig", _VIT),
    "swin": (
        "SwinForImageClassification",
        "SwinConfig",
        {"image_size": 32, "patch_size": 2, "embed_dim": 8, "depths": [1, 2], "num_heads": [1, 2], "window_size": 4},
    ),
    "convnext": ("ConvNextForImageClassification", "ConvNextConfig", {**_STAGES, "num_stages": 2}),
    "resnet": ("ResNetForImageClassification", "ResNetConfig", {**_STAGES, "embedding_size": 8, "layer_type": "basic"}),
    "clip_vision_model": ("CLIPVisionModel", "CLIPVisionConfig", _VIT),
    "siglip_vision_model": ("SiglipVisionModel", "SiglipVisionConfig", _VIT),
}
PROCESSOR = {
    "size": {"shortest_edge": 36},
    "do_center_crop": True,
    "crop_size": {"height": 32, "width": 32},
    "resample": 3,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.2, 0.2, 0.2],
    "rescale_factor": 1 / 255,
}
CARD = "---\nlicense: cc-by-4.0\ndatasets:\n- imagenet-1k\n---\n# A model\n"


def save(folder: Path, kind: str) -> Any:
    torch.manual_seed(0)
    network, config, options = MODELS[kind]
    model = getattr(transformers, network)(getattr(transformers, config)(**options)).eval()
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    (folder / "README.md").write_text(CARD)
    return model


@pytest.mark.parametrize("kind", MODELS)
def test_features_are_what_the_library_calls_pooled_and_it_can_be_cut_at_its_layers(kind: str, tmp_path: Path) -> None:
    model = save(tmp_path, kind)
    backbone = load_backbone(f"hf:{tmp_path}", accept_licence=True)
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        encoder = getattr(model, model.base_model_prefix) if "For" in MODELS[kind][0] else model
        out = encoder(pixel_values=x)
        pooled = out.last_hidden_state[:, 0] if kind == "vit" else out.pooler_output
        features = backbone.chain(x)
        torch.testing.assert_close(features, pooled.flatten(1), rtol=1e-5, atol=1e-5)
        for cut in range(len(backbone.chain)):
            again = backbone.chain.suffix(cut)(backbone.chain.prefix(cut)(x))
            torch.testing.assert_close(again, features, rtol=1e-5, atol=1e-5)
    assert backbone.chain.why_uncut == ""
    assert len(backbone.chain.blocks) >= 3
    assert sorted(n for b in backbone.chain.blocks for n in b.parameters) == sorted(
        n for n, _ in backbone.module.named_parameters()
    )


def test_its_structure_is_enough_to_build_the_network_again(tmp_path: Path) -> None:
    save(tmp_path / "model", "dinov3_vit")
    backbone = load_backbone(f"hf:{tmp_path}/model?taps=1")
    (tmp_path / "model").rename(tmp_path / "gone")
    again = load_backbone(backbone.card.name, structure=backbone.structure)
    again.module.load_state_dict(backbone.module.state_dict())
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(again.chain(x), backbone.chain(x))
    fresh = untrained_module(backbone.card.name, seed=1, structure=backbone.structure)
    assert sorted(fresh.state_dict()) == sorted(load_backbone(f"hf:{tmp_path}/gone").module.state_dict())


def test_a_bundle_of_it_needs_neither_the_folder_nor_the_network(tmp_path: Path) -> None:
    save(tmp_path / "model", "vit")
    backbone = load_backbone(f"hf:{tmp_path}/model")
    network = Network(backbone, LinearHead(backbone.out_features, 2, 0.1, 0)).eval()
    images = [np.full((40, 40, 3), grey, np.uint8) for grey in (10, 90, 200)]
    write_bundle(
        tmp_path / "bundle",
        [network],
        target=ClassTarget(("a", "b")),
        preprocess=backbone.preprocess,
        golden=images[:1],
        recipes=["probe"],
        recipe="name: probe\n",
        temperature=1.0,
        metrics={},
    )
    (tmp_path / "model").rename(tmp_path / "gone")
    assert [row["error"] for row in Bundle.load(tmp_path / "bundle").predict(images)] == [None] * 3


def test_facts_come_from_the_files_beside_the_weights(tmp_path: Path) -> None:
    save(tmp_path, "vit")
    backbone = load_backbone(f"hf:{tmp_path}")
    spec, card = backbone.preprocess, backbone.card
    assert (spec.size, spec.crop_pct, spec.resize, spec.interpolation) == (32, 32 / 36, "shortest", "bicubic")
    assert (spec.mean, spec.std) == ((0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    assert (card.licence, card.trained_on, card.architecture) == ("cc-by-4.0", "imagenet-1k", "vit")
    assert card.name == f"hf:./{tmp_path.name}"


def test_terms_of_its_own_are_known_without_a_model_card(tmp_path: Path) -> None:
    save(tmp_path, "dinov3_vit")
    (tmp_path / "README.md").unlink()
    with pytest.raises(LicenceError, match="dinov3-license"):
        load_backbone(f"hf:{tmp_path}")


def test_the_image_tower_is_taken_from_a_model_of_image_and_text(tmp_path: Path) -> None:
    torch.manual_seed(0)
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.CLIPConfig(text_config={**text, "vocab_size": 50}, vision_config=_VIT, projection_dim=8)
    model = transformers.CLIPModel(config).eval()
    model.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    backbone, x = load_backbone(f"hf:{tmp_path}"), torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        expected = model.vision_model(pixel_values=x).pooler_output
        torch.testing.assert_close(backbone.chain(x), expected, rtol=1e-5, atol=1e-5)
    assert backbone.card.licence == "unknown"


def test_a_model_of_timm_in_the_cache_of_the_hub_is_used_offline_and_its_commit_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("WARMSTART_OFFLINE", "1")
    torch.manual_seed(0)
    model: Any = timm.create_model("convnext_atto", num_classes=7)
    there = hub_snapshot(tmp_path, "someone/pond")
    save_file(model.state_dict(), there / "model.safetensors")
    cfg = {**model.pretrained_cfg, "num_classes": 7, "license": "mit", "mean": [0.1, 0.2, 0.3]}
    (there / "config.json").write_text(json.dumps({"architecture": "convnext_atto", "pretrained_cfg": cfg}))
    backbone = load_backbone("hf:someone/pond")
    assert torch.equal(backbone.module.state_dict()["stem.0.weight"], model.state_dict()["stem.0.weight"])
    assert backbone.preprocess.mean == (0.1, 0.2, 0.3)
    assert backbone.card.source == f"https://huggingface.co/someone/pond, revision {COMMIT}"
    assert (backbone.card.licence, backbone.card.architecture) == ("mit", "convnext_atto")
    assert load_backbone(backbone.card.name, structure=backbone.structure).out_features == backbone.out_features
    with pytest.raises(BackboneError, match="WARMSTART_OFFLINE is set"):
        load_backbone("hf:someone/other")


def test_weights_that_lack_a_layer_are_refused(tmp_path: Path) -> None:
    save(tmp_path, "vit")
    state = load_file(tmp_path / "model.safetensors")
    kept = {name: tensor for name, tensor in state.items() if ".1." not in name}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BackboneError, match=r"do not fit: \d+ parameters have none"):
        load_backbone(f"hf:{tmp_path}")


def test_code_beside_the_weights_is_left_alone(tmp_path: Path) -> None:
    save(tmp_path, "vit")
    config = json.loads((tmp_path / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "own.Model", "AutoConfig": "own.Config"}
    config["_attn_implementation"] = config["attn_implementation"] = "someone/kernels"
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert load_backbone(f"hf:{tmp_path}").out_features == 16
    assert not (tmp_path / "ran").exists()


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    save(tmp_path, "vit")
    (tmp_path / "model.safetensors").unlink()
    torch.save({"embeddings": Path("x")}, tmp_path / "pytorch_model.bin")
    with pytest.raises(BackboneError, match="was refused"):
        load_backbone(f"hf:{tmp_path}")


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"config.json": '{"model_type": "sam"}'}, "one for images of transformers, of type vit"),
        ({"config.json": "no"}, "is not JSON"),
        ({"preprocessor_config.json": "{}"}, "does not say how images are prepared"),
    ],
)
def test_a_folder_that_cannot_be_used_is_an_error_that_says_why(
    change: dict[str, str], hint: str, tmp_path: Path
) -> None:
    save(tmp_path, "vit")
    for name, text in change.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(BackboneError) as error:
        load_backbone(f"hf:{tmp_path}")
    assert hint in str(error.value)


def test_a_folder_or_name_that_is_none_is_an_error() -> None:
    with pytest.raises(BackboneError, match="there is no folder"):
        load_backbone("hf:./nowhere")
    with pytest.raises(BackboneError, match="names no model"):
        load_backbone("hf:a/b/c")


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, "vit")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"warmstart\[text\]"):
        load_backbone(f"hf:{tmp_path}")
