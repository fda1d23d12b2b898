"""Heads that write: they give what the whole model gives, and share nothing with the backbone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from tests.model.text.tiny import save
from tests.model.text.writers import CAUSAL, WRITERS, load_writer, save_writer
from warmstart.data.schema import Dataset, Sample, Text
from warmstart.data.targets import TextTarget
from warmstart.data.tokens import TokenStore
from warmstart.errors import BackboneError
from warmstart.model.catalog import load_backbone
from warmstart.model.edits import apply_edits
from warmstart.model.head import build_head
from warmstart.model.network import Network
from warmstart.model.text.language import CausalHead, LanguageHead
from warmstart.preprocess.kinds import of_texts
from warmstart.task.base import suited
from warmstart.task.network import network_for

PAIRS = [("the cat sits on the mat", "a dog"), ("rain", "wet trees and sun"), ("one two three", "four")]


def batch(network: Network) -> Any:
    dataset = Dataset(tuple(Sample(a, Text((a,)), b) for a, b in PAIRS), TextTarget())
    return next(iter(TokenStore(dataset, of_texts(network.facts.spec)).batches(np.arange(3), batch_size=3)))


@pytest.mark.parametrize("family", WRITERS)
@torch.no_grad()
def test_logits_are_those_of_the_whole_model(family: str, tmp_path: Path) -> None:
    network = load_writer(tmp_path, family)
    given = batch(network)
    outputs = network(given.inputs, given.targets)
    kind: Any = AutoModelForCausalLM if family in CAUSAL else AutoModelForSeq2SeqLM
    whole = kind.from_pretrained(tmp_path).eval()
    for row, tokens, targets in zip(outputs, given.inputs[..., 0], given.targets, strict=True):
        ids, labels = tokens[tokens >= 0][None], targets[targets >= 0][None]
        if family in CAUSAL:
            expected = whole(input_ids=ids).logits[0, -labels.shape[1] :]
        else:
            expected = whole(input_ids=ids, labels=labels).logits[0]
        torch.testing.assert_close(row[: labels.shape[1]], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", WRITERS)
@torch.no_grad()
def test_a_head_is_built_again_from_its_configuration_and_its_weights(family: str, tmp_path: Path) -> None:
    network = load_writer(tmp_path, family)
    given = batch(network)
    head = network.head
    assert isinstance(head, LanguageHead)
    again = build_head(json.loads(json.dumps(head.config))).eval()
    again.load_state_dict(head.state_dict())
    assert torch.equal(Network(network.facts, again)(given.inputs, given.targets), network(given.inputs, given.targets))


@pytest.mark.parametrize("family", WRITERS)
def test_every_parameter_is_in_one_part(family: str, tmp_path: Path) -> None:
    network = load_writer(tmp_path, family)
    head = [parameter.data_ptr() for _, parameter in network.head.named_parameters(remove_duplicate=False)]
    places = {*head, *(parameter.data_ptr() for parameter in network.backbone.parameters())}
    assert len({*head}) == len(head)
    assert len(places) == len(head) + len([*network.backbone.parameters()])
    assert not [name for name, _ in network.head.named_parameters() if "encoder" in name.split(".")]
    clone = network.clone()
    own = {parameter.data_ptr() for parameter in clone.parameters()}
    assert not own & places


@torch.no_grad()
def test_without_targets_the_next_token_is_predicted(tmp_path: Path) -> None:
    for family in ("gpt2", "t5"):
        network = load_writer(tmp_path / family, family)
        given = batch(network)
        assert network(given.inputs).shape == (3, 1, 100)


@pytest.mark.parametrize("backbone", ["minilm", "bert", "toy"])
def test_what_only_reads_is_refused_with_a_model_to_use_instead(backbone: str, tmp_path: Path) -> None:
    uri = f"hf:{save(tmp_path, 'bert')}" if backbone == "bert" else backbone
    with pytest.raises(BackboneError, match="writes no texts") as caught:
        suited(load_backbone(uri), TextTarget())
    assert "gpt2" in str(caught.value)


def test_a_model_without_a_token_that_ends_a_text_is_refused(tmp_path: Path) -> None:
    backbone = load_backbone(f"hf:{save_writer(tmp_path, 'gpt2', eos_token_id=None)}")
    with pytest.raises(BackboneError, match="eos_token_id"):
        suited(backbone, TextTarget())


def test_a_model_without_a_padding_token_works(tmp_path: Path) -> None:
    network = load_writer(tmp_path, "llama", pad_token_id=None)
    given = batch(network)
    assert torch.isfinite(network(given.inputs, given.targets)).all()


def test_random_weights_are_random_in_the_head_too(tmp_path: Path) -> None:
    uri = f"hf:{save_writer(tmp_path, 't5')}?pretrained=false"
    first, same, other = (
        network_for(load_backbone(uri, seed=seed), TextTarget(), seed=seed).head for seed in (0, 0, 1)
    )
    pretrained = network_for(load_backbone(uri.partition("?")[0]), TextTarget()).head
    weights = [head.state_dict()["lm.lm_head.weight"] for head in (first, same, other, pretrained)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[3])


def test_from_scratch_the_head_is_drawn_anew(tmp_path: Path) -> None:
    network = load_writer(tmp_path, "gpt2")
    before = network.head.state_dict()["lm.lm_head.weight"].clone()
    apply_edits(network, reset=True, seed=1)
    after = network.head.state_dict()["lm.lm_head.weight"]
    assert not torch.equal(before, after)
    assert float(after.std()) < 0.05  # as transformers draws it, not as the weights above


def test_a_configuration_cannot_name_code() -> None:
    theirs = {**WRITERS["gpt2"], "model_type": "gpt2", "auto_map": {"AutoModelForCausalLM": "theirs.Model"}}
    head = build_head({"kind": "causal", "model": theirs})
    assert isinstance(head, CausalHead)
    assert "auto_map" not in head.config["model"]


def test_a_backbone_is_rebuilt_with_features_of_every_token(tmp_path: Path) -> None:
    network = load_writer(tmp_path, "bart")
    again = load_backbone(network.facts.card.name, structure=network.facts.structure)
    again.module.load_state_dict(network.backbone.state_dict())
    x = batch(network).inputs
    assert torch.equal(again.module(x), network.backbone(x))
