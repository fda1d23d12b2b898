"""`file:`: weights from anywhere, by a URI or a card."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.toy import ToyNet
from warmstart.model.catalog import load_backbone, untrained_module


@pytest.fixture
def toy() -> nn.Module:
    torch.manual_seed(3)
    return ToyNet()


@pytest.fixture
def checkpoint(toy: nn.Module, tmp_path: Path) -> Path:
    """As a training script leaves it, with a classifier."""
    state = {f"module.{name}": tensor for name, tensor in toy.state_dict().items()}
    state |= {"module.fc.weight": torch.ones(3, 20), "module.fc.bias": torch.arange(3.0)}
    content = {"state_dict": state, "epoch": 7, "args": argparse.Namespace(lr=0.1)}
    torch.save(content, tmp_path / "checkpoint.pt")
    return tmp_path / "checkpoint.pt"


def same(found: nn.Module, toy: nn.Module) -> bool:
    return all(torch.equal(tensor, toy.state_dict()[name]) for name, tensor in found.state_dict().items())


def test_a_checkpoint_by_its_architecture(checkpoint: Path, toy: nn.Module) -> None:
    backbone = load_backbone(f"file:toy@{checkpoint}")
    assert same(backbone.module, toy)
    assert backbone.source_head is not None
    assert torch.equal(backbone.source_head.bias, torch.arange(3.0))
    assert backbone.card.name == "file:toy@checkpoint.pt"
    assert (backbone.card.licence, backbone.card.trained_on) == ("unknown", "unknown")
    assert "sha256" in backbone.card.source


def test_other_weights_have_another_sum(checkpoint: Path, toy: nn.Module) -> None:
    before = load_backbone(f"file:toy@{checkpoint}").card.weights_sha256
    with torch.no_grad():
        toy.get_parameter("stem.0.weight").add_(1)
    save_file(toy.state_dict(), checkpoint.with_suffix(".safetensors"))
    assert load_backbone(f"file:toy@{checkpoint.with_suffix('.safetensors')}").card.weights_sha256 != before


def test_a_card_in_the_folder_states_everything(checkpoint: Path, toy: nn.Module) -> None:
    (checkpoint.parent / "card.yaml").write_text(
        "architecture: toy\nlicence: CC-BY-4.0\ntrained_on: 5 M satellite tiles\nsource: BiDS\n"
        "size: 48\nresize: squash\nmean: [0.2, 0.3, 0.4]\nstd: [0.1, 0.1, 0.2]\n"
    )
    for uri in (f"file:{checkpoint.parent}", f"file:{checkpoint}"):
        backbone = load_backbone(uri)
        assert same(backbone.module, toy)
        assert (backbone.card.licence, backbone.card.trained_on) == ("CC-BY-4.0", "5 M satellite tiles")
        assert backbone.card.source.startswith("BiDS, file checkpoint.pt")
        assert (backbone.preprocess.size, backbone.preprocess.resize) == (48, "squash")
        assert backbone.preprocess.std == (0.1, 0.1, 0.2)


def test_without_weights_the_file_is_not_needed() -> None:
    backbone = load_backbone("file:toy@gone.pt", pretrained=False)
    assert backbone.card.name == "file:toy@gone.pt?pretrained=false"
    assert untrained_module("file:toy@gone.pt", seed=1).state_dict().keys() == backbone.module.state_dict().keys()


def test_an_unnamed_architecture_is_guessed_for_the_error_alone(tmp_path: Path) -> None:
    import timm

    save_file(timm.create_model("resnet18").state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(BackboneError, match="of which architecture") as error:
        load_backbone(f"file:{tmp_path / 'w.safetensors'}")
    assert f"'file:timm:resnet18@{tmp_path / 'w.safetensors'}'" in error.value.do


def test_a_wrong_architecture_is_refused(tmp_path: Path) -> None:
    save_file({"stem.0.weight": torch.zeros(4, 3, 3, 3)}, tmp_path / "w.safetensors")
    with pytest.raises(BackboneError, match=r"'stem\.0\.weight' has shape \(4, 3, 3, 3\)"):
        load_backbone(f"file:toy@{tmp_path / 'w.safetensors'}")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("architecture: [", "not YAML"),
        ("colour: blue", "colour"),
        ("architecture: toy\nmean: [0.5]", "1 values of mean for 3 channels"),
        ("architecture: toy\nstd: [0, 1, 1]", "std"),
    ],
)
def test_a_card_that_makes_no_sense_is_refused(checkpoint: Path, text: str, match: str) -> None:
    (checkpoint.parent / "card.yaml").write_text(text)
    with pytest.raises(BackboneError, match=match):
        load_backbone(f"file:{checkpoint.parent}")


def test_a_folder_with_two_files_needs_a_word_on_which(checkpoint: Path, toy: nn.Module) -> None:
    save_file(toy.state_dict(), checkpoint.parent / "b.safetensors")
    with pytest.raises(BackboneError, match="2 weights files"):
        load_backbone(f"file:{checkpoint.parent}")
    (checkpoint.parent / "card.yaml").write_text("architecture: toy\nweights: b.safetensors\n")
    assert load_backbone(f"file:{checkpoint.parent}").card.name == "file:toy@b.safetensors"


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "w.pt")
    with pytest.raises(BackboneError, match="holds no tensors"):
        load_backbone(f"file:toy@{tmp_path / 'w.pt'}")
