"""What is written is what transformers writes with the whole model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from tests.model.text.tiny import save
from tests.model.text.writers import CAUSAL, END, WRITERS, load_writer
from warmstart.data.schema import ClassTarget, Dataset, Sample, Text
from warmstart.data.targets import TextTarget
from warmstart.data.tokens import TokenStore
from warmstart.errors import BackboneError
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.model.text.writing import write
from warmstart.preprocess.kinds import of_texts
from warmstart.preprocess.text import TextSpec
from warmstart.preprocess.writing import decoded
from warmstart.task.classify import CLASSIFY

TEXTS = [("the cat sits on the mat",), ("rain",), ("one two three", "four five"), ("a good film and a bad song",)]


def spec_of(network: Network) -> TextSpec:
    return of_texts(network.facts.spec)


@pytest.mark.parametrize("family", WRITERS)
@torch.no_grad()
def test_greedy_texts_are_those_of_transformers(family: str, tmp_path: Path) -> None:
    network = load_writer(tmp_path, family)
    found = write(network, spec_of(network), TEXTS, max_new_tokens=7)
    kind: Any = AutoModelForCausalLM if family in CAUSAL else AutoModelForSeq2SeqLM
    whole = kind.from_pretrained(tmp_path).eval()
    whole.generation_config.forced_eos_token_id = None  # BART's way to end a text that is cut off
    dataset = Dataset(tuple(Sample(str(i), Text(text)) for i, text in enumerate(TEXTS)), TextTarget())
    for text, tokens in zip(found, TokenStore(dataset, spec_of(network)).tokens, strict=True):
        ids = torch.from_numpy(tokens[:, 0].astype(np.int64))[None]
        out = whole.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=7, eos_token_id=END)
        written = out[0, len(ids[0]) :] if family in CAUSAL else out[0, 1:]
        assert text == decoded(spec_of(network), [written.tolist()])[0]


def test_neither_the_batch_nor_the_others_in_it_change_a_text(tmp_path: Path) -> None:
    for family in ("gpt2", "llama", "bart"):
        network = load_writer(tmp_path / family, family)
        alone = write(network, spec_of(network), TEXTS, max_new_tokens=6, batch_size=1)
        assert write(network, spec_of(network), TEXTS, max_new_tokens=6) == alone
        assert write(network, spec_of(network), TEXTS[::-1], max_new_tokens=6) == alone[::-1]


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_what_is_drawn_depends_on_the_seed_alone(family: str, tmp_path: Path) -> None:
    network = load_writer(tmp_path, family)
    first, same, other = (
        write(network, spec_of(network), TEXTS, max_new_tokens=6, temperature=1.0, top_p=0.9, seed=seed)
        for seed in (0, 0, 1)
    )
    assert first == same
    assert first != other
    assert write(network, spec_of(network), TEXTS, max_new_tokens=6, beams=3) == write(
        network, spec_of(network), TEXTS, max_new_tokens=6, beams=3, seed=1
    )


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_it_writes_with_the_weights_of_the_network_and_changes_none(family: str, tmp_path: Path) -> None:
    network = load_writer(tmp_path, family).train()
    names, before = [*network.state_dict()], {k: v.clone() for k, v in network.state_dict().items()}
    first = write(network, spec_of(network), TEXTS, max_new_tokens=6)
    assert network.training
    assert [*network.state_dict()] == names
    assert all(torch.equal(network.state_dict()[name], before[name]) for name in names)
    with torch.no_grad():
        network.head.get_parameter("lm.lm_head.weight").neg_()
    assert write(network, spec_of(network), TEXTS, max_new_tokens=6) != first


def test_progress_is_told_and_nothing_gives_nothing(tmp_path: Path) -> None:
    network, told = load_writer(tmp_path, "gpt2"), list[int]()
    write(network, spec_of(network), TEXTS, max_new_tokens=1, batch_size=3, progress=told.append)
    assert told == [3, 1]
    assert write(network, spec_of(network), []) == []


def test_a_long_text_leaves_room_for_what_is_written(tmp_path: Path) -> None:
    network = load_writer(tmp_path, "gpt2", n_positions=32)
    long = [("cat " * 100,)]
    assert len(write(network, spec_of(network), long, max_new_tokens=20)) == 1
    with pytest.raises(BackboneError, match="32"):
        write(network, spec_of(network), long, max_new_tokens=31)


def test_a_network_that_classifies_writes_nothing(tmp_path: Path) -> None:
    backbone = load_backbone(f"hf:{save(tmp_path)}")
    network = Network(backbone, CLASSIFY.head(32, ClassTarget(("a", "b"))))
    with pytest.raises(BackboneError, match="does not write"):
        write(network, of_texts(backbone.spec), TEXTS)
