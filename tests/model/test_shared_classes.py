"""Classes that old and new task share keep their row of the classifier."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn

from warmstart.model.catalog import load_backbone
from warmstart.model.edits import apply_edits
from warmstart.model.head import LinearHead
from warmstart.model.network import Network
from warmstart.model.shared_classes import adopt, imagenet_classes, shared


def test_imagenet_names_are_found_by_any_synonym() -> None:
    classes = imagenet_classes()
    assert len(classes) == 1000
    found = shared(("Daisy", "tinca_tinca", "no such thing"), classes)
    assert [classes[i].split(",")[0] for i in found.values()] == ["daisy", "tench"]


def test_a_name_of_two_classes_is_nobodys() -> None:
    assert shared(("crane",), ("crane", "crane, a machine")) == {}


def test_shared_classes_keep_their_rows_and_others_do_not_change() -> None:
    backbone = load_backbone("lite0")
    head, fresh = LinearHead(backbone.out_features, 3, seed=5), LinearHead(backbone.out_features, 3, seed=5)
    assert adopt(head, backbone, ("mine", "daisy", "other")) == ("daisy",)
    daisy = next(i for i, name in enumerate(backbone.source_classes) if name == "daisy")
    assert backbone.source_head is not None
    assert torch.equal(head.linear.weight[1], backbone.source_head.weight[daisy])
    assert torch.equal(head.linear.bias[1], backbone.source_head.bias[daisy])
    assert torch.equal(head.linear.weight[::2], fresh.linear.weight[::2])


def test_without_names_nothing_is_adopted() -> None:
    backbone = dataclasses.replace(load_backbone("toy"), source_head=nn.Linear(20, 2))
    assert adopt(LinearHead(20, 2), backbone, ("a", "b")) == ()


def test_training_from_scratch_has_nothing_of_the_old_classifier() -> None:
    backbone = dataclasses.replace(load_backbone("toy"), source_head=nn.Linear(20, 2), source_classes=("a", "b"))
    head = LinearHead(20, 2, seed=3)
    assert adopt(head, backbone, ("b", "c")) == ("b",)
    apply_edits(Network(backbone.clone(), head), reset=True, seed=3)
    assert torch.equal(head.linear.weight, LinearHead(20, 2, seed=3).linear.weight)
