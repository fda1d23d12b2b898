"""Columns that pose a task each: what is found by looking, what is said, and what cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from warmstart.data.audit import audit
from warmstart.data.onetask import known_split, one_task
from warmstart.data.several import SeveralTarget
from warmstart.data.sources import load
from warmstart.data.split import split
from warmstart.data.taskorder import task_order
from warmstart.errors import DataError


def texts(n: int = 40) -> pd.DataFrame:
    """Texts with a class and a number, of which every third is missing."""
    return pd.DataFrame(
        {
            "text": [f"the weather of day {i} is {'fine' if i % 2 else 'foul'}" for i in range(n)],
            "sky": ["sun" if i % 2 else "rain" for i in range(n)],
            "heat": [None if i % 3 == 0 else i / 7 for i in range(n)],
        }
    )


def test_columns_of_different_kinds_are_several_tasks() -> None:
    data = load(texts(), label_column="sky,heat")
    assert isinstance(data.target, SeveralTarget)
    assert [(name, part.kind) for name, part in data.target.parts] == [("sky", "classify"), ("heat", "regress")]
    assert data.counts["sky: sun"] == 20
    assert any("heat: 14 of 40 samples have no label" in note for note in data.notes)


def test_columns_of_one_kind_stay_what_they_were() -> None:
    table = texts().assign(a=[0, 1] * 20, b=[1, 1] * 20, u=np.arange(40) / 3, v=np.arange(40) / 9)
    assert load(table, label_column="a,b").target.kind == "multilabel"
    assert load(table, label_column="u,v").target.kind == "regress"


def test_what_is_said_counts_and_names_the_columns() -> None:
    table = texts().assign(stars=[1, 2, 3, 4] * 10)
    target = load(table, task="sky=classify,stars=regress").target
    assert isinstance(target, SeveralTarget)
    assert [(name, part.kind) for name, part in target.parts] == [("sky", "classify"), ("stars", "regress")]


@pytest.mark.parametrize(
    ("task", "words"),
    [("sky=detect,heat=regress", "no task 'detect' among several"), ("sky=classify,sky=regress", "once"), ("x", "'x'")],
)
def test_tasks_that_there_are_not_are_refused(task: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        load(texts(), task=task, label_column="sky,heat")


def test_a_task_without_any_label_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="the task 'heat' has no label at all"):
        load(texts().assign(heat=None), task="sky=classify,heat=regress")
    with pytest.raises(DataError, match="the task 'heat' has no label at all"):
        load(texts().assign(heat=None, u=np.arange(40) / 3), label_column="u,heat")
    gaps = texts().assign(heat=None)
    gaps.loc[3, ["sky"]] = None  # a row without any label, which is said later
    with pytest.raises(DataError, match="the task 'heat' has no label at all"):
        load(gaps, task="sky=classify,heat=regress")


def test_a_row_without_any_label_is_as_one_without_its_label() -> None:
    table = texts()
    table.loc[3, ["sky", "heat"]] = None
    with pytest.raises(DataError, match="row 4: the label is empty"):
        load(table, label_column="sky,heat")
    assert len(load(table, label_column="sky,heat", on_missing="skip")) == 39


def test_images_and_series_in_memory_have_labels_by_task() -> None:
    labels = {"kind": list("ab") * 6, "size": [float(i) / 7 for i in range(12)]}
    for inputs in (np.zeros((12, 8, 8, 3), np.uint8), np.random.default_rng(0).normal(size=(12, 50))):
        assert load((inputs, labels), task="kind=classify,size=regress").target.kind == "several"


def test_parts_have_labels_of_every_task() -> None:
    data = load(texts(120), label_column="sky,heat")
    parts = split(data)
    for part in (parts.train, parts.val, parts.test):
        known = data.target.known([data.samples[i].label for i in part])  # type: ignore[attr-defined]
        assert known.mean(0)[1] == pytest.approx(2 / 3, abs=0.07)


def test_one_task_is_the_same_samples_with_its_labels() -> None:
    data = load(texts(), label_column="sky,heat")
    alone, parts = one_task(data, "heat"), split(data)
    assert [s.id for s in alone.samples] == [s.id for s in data.samples]
    kept = known_split(alone, parts)
    assert all(alone.samples[i].label is not None for i in kept.train)
    assert len(kept.train) < len(parts.train)


def test_copies_are_at_odds_in_one_task_alone() -> None:
    table = texts()
    table.loc[1, "text"] = table.loc[5, "text"] = "the very same words"
    fine = audit(load(table, label_column="sky,heat"))
    assert fine.conflicting  # by the number
    table.loc[5, "heat"] = None
    assert not audit(load(table, label_column="sky,heat")).conflicting


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
def test_every_batch_has_labels_of_every_task(share: float) -> None:
    known = np.ones((300, 2), dtype=bool)
    known[:, 1] = np.random.default_rng(0).random(300) < share
    known[0, 1] = True
    batches = task_order(known, 32, seed=3, epoch=1)
    assert all(known[batch].any(0).all() for batch in batches)
    assert {*np.concatenate(batches).tolist()} == {*range(300)}, "nothing is left out"
    assert len(batches) == 10
    if share == 0.5:
        counts = [int(known[batch, 1].sum()) for batch in batches if len(batch) == 32]
        assert max(counts) - min(counts) <= 2
    again = task_order(known, 32, seed=3, epoch=1)
    assert all((a == b).all() for a, b in zip(batches, again, strict=True))
