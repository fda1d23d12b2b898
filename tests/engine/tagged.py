"""Small sets of texts whose words are tagged, and small text models that tag them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from tests.engine.texts import FILLER, spec, text_network
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import Dataset, Sample, Split, Text
from warmstart.data.targets import TagTarget
from warmstart.data.tokens import TokenStore
from warmstart.engine.data import RunData
from warmstart.model.network import Network
from warmstart.model.text.encoder import TextEncoder
from warmstart.model.text.segments import layered_chain
from warmstart.task.tag import Tag

TARGET = TagTarget(("O", "B-ANIMAL", "I-ANIMAL", "B-MONEY"))
TASK = Tag(TARGET.classes)
_TAGS = {"cat": "B-ANIMAL", "dog": "B-ANIMAL", "bank": "B-MONEY", "money": "B-MONEY", "price": "B-MONEY"}


def tagged_texts(n: int, seed: int = 0) -> Dataset:
    """Texts of 4 to 12 words; an animal has two where it is followed by what it does."""
    rng = np.random.default_rng(seed)
    samples = []
    for i in range(n):
        words = [*rng.choice(FILLER, rng.integers(1, 5)), *rng.choice(list(_TAGS), rng.integers(1, 4))]
        words = [str(word) for word in rng.permutation(words)]
        words = [part for word in words for part in ([word, "runs"] if word == "dog" else [word])]
        tags = tuple("I-ANIMAL" if word == "runs" else _TAGS.get(word, "O") for word in words)
        samples.append(Sample(f"row-{i}", Text.of_words(words), tags))
    return Dataset(tuple(samples), TARGET, name="tagged")


def tagged_data(train: int = 28, val: int = 12, folder: Path | None = None) -> RunData:
    dataset = tagged_texts(train + val)
    split = Split(np.arange(train), np.arange(train, train + val), np.arange(0), how="by hand")
    return RunData(dataset, split, TokenStore(dataset, spec()), spec(), ActivationStore(folder, budget_bytes=1 << 28))


def tag_network(family: str = "bert", dropout: float = 0.0) -> Network:
    facts = text_network(family).facts
    assert isinstance(facts.module, TextEncoder)
    chain = layered_chain(TextEncoder(facts.module.model, "none").eval())
    backbone = dataclasses.replace(facts, chain=chain)
    return Network(backbone, TASK.head(32, TARGET, dropout=dropout))
