"""Whole segmenters in a file: network and logits are those of the supplier's own model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from warmstart.data.scenes import MaskTarget
from warmstart.errors import BackboneError
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.edits import apply_edits
from warmstart.model.network import Network
from warmstart.model.segment.decoder import DecoderHead
from warmstart.model.segment.published import told, usual
from warmstart.task.base import suited
from warmstart.task.network import network_for

SIZE = 96
PROCESSOR = {"size": {"height": SIZE, "width": SIZE}, "image_mean": [0.5] * 3, "image_std": [0.25] * 3}
HEADS = {
    "deeplabv3_resnet50": "deeplabv3_torchvision",
    "fcn_resnet50": "fcn",
    "lraspp_mobilenet_v3_large": "lraspp",
}


def lively(model: nn.Module, x: Tensor) -> nn.Module:
    """Statistics of the batch, so that activations of random weights neither vanish nor explode."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        model.train()(x)
    return model.eval()


def saved(name: str, folder: Path, classes: int = 21) -> tuple[nn.Module, Path]:
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=classes)
    path = folder / f"{name}.pth"
    torch.save(lively(model, torch.randn(2, 3, SIZE, SIZE)).state_dict(), path)
    return model, path


def segformer(folder: Path, labels: tuple[str, ...] = ("wall", "sky", "tree")) -> Any:
    """A small SegFormer of transformers with random weights, and a folder with these."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.SegformerConfig(
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 2, 1, 1],
        num_attention_heads=[1, 2, 3, 4],
        decoder_hidden_size=20,
        id2label=dict(enumerate(labels)),
        label2id={name: i for i, name in enumerate(labels)},
        attn_implementation="eager",
    )
    model = transformers.SegformerForSemanticSegmentation(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter += 0.1 * torch.randn_like(parameter)
    lively(model, torch.randn(2, 3, SIZE, SIZE))
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    return model


def network(backbone: Backbone, classes: tuple[str, ...], head: str = "") -> Network:
    return network_for(backbone, MaskTarget(classes, head=head)).eval()


def head_of(found: Network) -> DecoderHead:
    assert isinstance(found.head, DecoderHead)
    return found.head


@pytest.mark.parametrize(
    "name", [name if "lraspp" in name else pytest.param(name, marks=pytest.mark.slow) for name in HEADS]
)
def test_a_whole_segmenter_of_torchvision_answers_as_the_suppliers_own(name: str, tmp_path: Path) -> None:
    model, path = saved(name, tmp_path)
    backbone = load_backbone(f"torchvision:{name}@{path}?size={SIZE}")
    assert usual(backbone) == HEADS[name]
    ours = network(backbone, tuple(backbone.source_classes))
    assert head_of(ours).name == HEADS[name]
    images = torch.randn(2, 3, SIZE, SIZE).double()  # of random weights many activations lie at the edge of ReLU
    with torch.no_grad():
        theirs, found = model.double()(images)["out"], ours.double()(images)
        chain = ours.facts.chain
        for cut in (1, len(chain.cuts) // 2, len(chain.cuts) - 2):
            again = ours.forward_from(cut, chain.prefix(cut)(images))
            assert torch.equal(again, found) or torch.allclose(again, found, atol=1e-5)
    assert theirs.std() > 1e-2
    torch.testing.assert_close(found, theirs, atol=1e-4, rtol=1e-4)


def test_a_segformer_of_a_folder_answers_as_that_of_transformers(tmp_path: Path) -> None:
    model = segformer(tmp_path)
    backbone = load_backbone(f"hf:{tmp_path}")
    assert backbone.preprocess.size == SIZE
    ours = network(backbone, ("wall", "sky", "tree"))
    assert (head_of(ours).name, head_of(ours).options["channels"]) == ("segformer_transformers", 20)
    images = torch.randn(2, 3, SIZE, SIZE)
    with torch.no_grad():
        theirs = functional.interpolate(model(images).logits, (SIZE, SIZE), mode="bilinear", align_corners=False)
        found = ours(images)
        chain = ours.facts.chain
        assert len(chain.cuts) >= 5
        for cut in range(1, len(chain.cuts)):
            torch.testing.assert_close(ours.forward_from(cut, chain.prefix(cut)(images)), found)
    assert theirs.std() > 1e-2
    torch.testing.assert_close(found, theirs, atol=1e-4, rtol=1e-4)


def test_classes_of_the_same_name_keep_their_rows_and_others_start_anew(tmp_path: Path) -> None:
    model, path = saved("lraspp_mobilenet_v3_large", tmp_path)
    backbone = load_backbone(f"torchvision:lraspp_mobilenet_v3_large@{path}?size={SIZE}")
    ours, plain = (network(one, ("background", "weed", "Cat")) for one in (backbone, _bare(backbone)))
    theirs, mine, drawn = (each.state_dict() for each in (model.classifier, ours.head, plain.head))  # type: ignore[union-attr]
    for layer in ("high", "low"):
        rows, old = mine[f"segmentation_head.{layer}.weight"], theirs[f"{layer}_classifier.weight"]
        assert torch.equal(rows[0], old[0])
        assert torch.equal(rows[2], old[8])
        assert torch.equal(rows[1], drawn[f"segmentation_head.{layer}.weight"][1])
    assert torch.equal(mine["decoder.cbr.0.weight"], theirs["cbr.0.weight"])


def _bare(backbone: Backbone) -> Backbone:
    import dataclasses

    return dataclasses.replace(backbone, source_weights=None)


def test_another_head_on_such_a_body_starts_anew_and_reads_its_maps(tmp_path: Path) -> None:
    _, path = saved("lraspp_mobilenet_v3_large", tmp_path)
    backbone = load_backbone(f"torchvision:lraspp_mobilenet_v3_large@{path}?size={SIZE}")
    ours = network(backbone, ("background", "cat"), "unet")
    assert (head_of(ours).name, head_of(ours).adopted) == ("unet", False)
    assert ours(torch.randn(1, 3, SIZE, SIZE)).shape == (1, 2, SIZE, SIZE)
    maps = suited(backbone, MaskTarget(("a", "b"), head="lraspp")).maps
    assert maps is not None
    assert (maps.strides, maps.channels) == ((8, 16), (40, 960))


def test_from_scratch_nothing_of_the_head_is_kept(tmp_path: Path) -> None:
    _, path = saved("lraspp_mobilenet_v3_large", tmp_path)
    backbone = load_backbone(f"torchvision:lraspp_mobilenet_v3_large@{path}?size={SIZE}")
    ours, bare = network(backbone, ("background", "cat")), network(_bare(backbone), ("background", "cat"))
    assert not torch.equal(
        ours.head.state_dict()["decoder.cbr.0.weight"], bare.head.state_dict()["decoder.cbr.0.weight"]
    )
    apply_edits(ours, reset=True, seed=0)
    for name, tensor in bare.head.state_dict().items():
        assert torch.equal(ours.head.state_dict()[name], tensor), name


def test_weights_of_other_classes_bring_the_body_and_all_but_the_last_layer(tmp_path: Path) -> None:
    model, path = saved("lraspp_mobilenet_v3_large", tmp_path, classes=4)
    backbone = load_backbone(f"torchvision:lraspp_mobilenet_v3_large@{path}?size={SIZE}")
    assert backbone.source_classes == ()
    mine, theirs = network(backbone, ("background", "cat")).state_dict(), model.state_dict()
    assert torch.equal(mine["head.decoder.scale.1.weight"], theirs["classifier.scale.1.weight"])


def test_a_file_of_another_network_or_one_that_executes_is_refused(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(BackboneError):
        load_backbone(f"torchvision:deeplabv3_resnet50@{tmp_path}/other.pth")
    torch.save({"backbone.0.0.weight": Path("a")}, tmp_path / "object.pth")
    with pytest.raises(BackboneError):
        load_backbone(f"torchvision:lraspp_mobilenet_v3_large@{tmp_path}/object.pth")


def test_bodies_without_weights_are_backbones_too() -> None:
    backbone = load_backbone("torchvision:fcn_resnet50?pretrained=false&size=64")
    assert (usual(backbone), backbone.source_weights) == ("fcn", None)


def test_it_is_told_what_comes_with_a_backbone(tmp_path: Path) -> None:
    segformer(tmp_path / "whole", ("wall", "sky"))
    backbone = load_backbone(f"hf:{tmp_path}/whole")
    kept = told("", backbone, ("sky", "weed"))
    assert kept == "the head segformer_transformers comes with the backbone, with its outputs for sky"
    assert "no class has the same name" in told("", backbone, ("crop", "weed"))
    assert told("unet", backbone, ("sky", "weed")) == ""
    assert told("", load_backbone("toy"), ("sky", "weed")) == ""


def test_an_encoder_alone_brings_no_head(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.SegformerConfig(
        hidden_sizes=[8, 16, 24, 32], depths=[1] * 4, num_attention_heads=[1, 2, 3, 4]
    )
    transformers.SegformerForImageClassification(config).save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    backbone = load_backbone(f"hf:{tmp_path}")
    ours = network(backbone, ("a", "b"))
    assert (head_of(ours).name, head_of(ours).adopted) == ("segformer_transformers", False)
    assert told("", backbone, ("a", "b")) == ""
