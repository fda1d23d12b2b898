"""Small sets of texts and a small text model, for what trains on them."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from tests.model.text.tiny import module_of, tokenizer
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import ClassTarget, Dataset, Sample, Split, Text
from warmstart.data.tokens import TokenStore
from warmstart.engine.data import RunData
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.network import Network
from warmstart.model.text.encoder import TextEncoder
from warmstart.model.text.segments import layered_chain
from warmstart.preprocess.text import TextSpec
from warmstart.task.classify import CLASSIFY

CLASSES = ("weather", "animal", "money")
ABOUT = {"weather": "sun rain wet dry", "animal": "cat dog bird sings", "money": "bank money share price"}
FILLER = ["the", "a", "is", "are", "in", "on", "one", "two", "three", "four", "five", "red", "blue", "green"]


def texts(n: int, seed: int = 0) -> Dataset:
    """Texts of 2 to 14 words, of which some tell the class."""
    rng = np.random.default_rng(seed)
    samples = []
    for i in range(n):
        label = CLASSES[i % 3]
        words = [*rng.choice(FILLER, rng.integers(1, 11)), *rng.choice(ABOUT[label].split(), rng.integers(1, 4))]
        samples.append(Sample(f"row-{i}", Text((" ".join(rng.permutation(words)),)), label))
    return Dataset(tuple(samples), ClassTarget(CLASSES), name="texts")


@functools.cache
def spec() -> TextSpec:
    made = tokenizer()
    made.add_special_tokens(["[MASK]"])
    return TextSpec(size=16, tokenizer=made.to_str(), limit=64)


def text_data(train: int = 24, val: int = 9, folder: Path | None = None) -> RunData:
    dataset = texts(train + val)
    split = Split(np.arange(train), np.arange(train, train + val), np.arange(0), how="by hand")
    store = TokenStore(dataset, spec())
    return RunData(dataset, split, store, spec(), ActivationStore(folder, budget_bytes=1 << 28))


def text_network(family: str = "bert", seed: int = 0, dropout: float = 0.0) -> Network:
    module = TextEncoder(module_of(family), "mean").eval()
    card = BackboneCard(f"hf:tiny-{family}", family, "", "", "", "", sum(p.numel() for p in module.parameters()), 8)
    backbone = Backbone(layered_chain(module), 32, spec(), card)
    return Network(backbone, CLASSIFY.head(32, ClassTarget(CLASSES), dropout=dropout, seed=seed))
