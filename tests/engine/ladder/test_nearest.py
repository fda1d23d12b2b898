"""The baseline of texts to be written: what was written for the most similar training text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.ladder.helpers import make_context
from tests.model.text.writers import load_writer
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import Dataset, Sample, Split, Text
from warmstart.data.stores import store_of
from warmstart.data.targets import TextTarget
from warmstart.engine.data import RunData
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.nearest import Nearest, NearestRung
from warmstart.engine.ladder.simple import simple_rung
from warmstart.errors import TrainingError
from warmstart.preprocess.kinds import of_texts
from warmstart.task.generate import GENERATE

ROWS = [
    ("the cat sits in the rain", "wet cat"),
    ("a dog runs on the mat", "dry dog"),
    ("bank and money", "share price goal"),
    ("a cat in a tree", "cat"),
    ("rain on the cat", "wet cat"),
    ("the dog runs", "wet dog"),
    ("money money", "law"),
]


def context(folder: Path, train: int = 4) -> LadderContext:
    """A run on `ROWS`, the first of which are learned from."""
    spec = of_texts(load_writer(folder, "gpt2").facts.spec)
    samples = tuple(Sample(f"row-{i}", Text((text,)), target) for i, (text, target) in enumerate(ROWS))
    dataset, order = Dataset(samples, TextTarget(), name="texts"), np.arange(len(ROWS))
    split = Split(order[:train], order[4:6], order[6:], how="by hand")
    data = RunData(dataset, split, store_of(dataset, spec), spec, ActivationStore(None, budget_bytes=1 << 20))
    return make_context(data)


def test_the_nearest_text_shares_the_most_telling_words() -> None:
    nearest = Nearest([Text((text,)) for text, _ in ROWS[:4]])
    assert nearest.of([Text((text,)) for text, _ in ROWS[4:]]).tolist() == [0, 1, 2]
    assert nearest.of([]).tolist() == []
    assert nearest.of_others(np.array([0, 3])).tolist() == [3, 0]


def test_its_outputs_are_measured_like_those_of_a_network(tmp_path: Path) -> None:
    run = context(tmp_path)
    contender = NearestRung().climb(run, {})
    targets = run.data.targets(run.data.split.val)
    assert contender.val_outputs.shape == (*targets.shape, 2)
    values = GENERATE.values(contender.val_outputs, targets)
    assert values["exact_match"].tolist() == [1.0, 0.0]  # "wet cat" as it stands, "dry dog" for "wet dog"
    assert contender.val_outputs[..., 1].tolist() == [[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]
    assert torch.isfinite(values["log_loss"]).all()
    assert (contender.val_outputs[..., 0] < 0).all()
    assert contender.outputs(run.data.split.test)[0, :, 1].tolist() == [0.0, 0.0]
    assert contender.outputs(run.data.split.test[:0]).shape[0] == 0
    assert contender.members == ()


def test_one_text_alone_has_no_other(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="one training text"):
        NearestRung().climb(context(tmp_path, train=1), {})


def test_it_is_the_baseline_where_texts_are_written() -> None:
    assert simple_rung("text", "generate") is NearestRung
