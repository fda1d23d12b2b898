"""A head that is fitted block by block is the head that is fitted on the whole matrix."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.engine.heads.support import digits, wide
from warmstart.data.schema import IntArray
from warmstart.engine.heads.base import Problem, closed_form
from warmstart.engine.heads.blocks.numbers import fit_numbers as numbers_in_blocks
from warmstart.engine.heads.blocks.registry import in_blocks
from warmstart.engine.heads.blocks.standard import BlockProblem, Standard
from warmstart.engine.heads.numbers import fit_numbers
from warmstart.engine.heads.threads import eigen
from warmstart.errors import TrainingError

NAMES = sorted(in_blocks)
EXACT = ("class_means", "knn", "lda", "ridge")
"""Sums alone: equal but for rounding. What is minimised ends within a tolerance instead."""


def both(name: str, features: Tensor, labels: IntArray, classes: int, at_once: int) -> tuple[Tensor, ...]:
    """Logits for the features, and for each sample left out: of the whole, then of blocks."""
    whole = closed_form[name](Problem.of(features, labels, classes))
    parts = in_blocks[name](BlockProblem.of(features, labels, classes, at_once=at_once))
    assert whole.choice.keys() == parts.choice.keys()
    return whole.logits(features), whole.cv_outputs, parts.logits(features), parts.cv_outputs


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("at_once", [37, 1000])
def test_blocks_give_the_head_of_the_whole(name: str, at_once: int) -> None:
    features, labels, _, _ = digits()
    logits, cv, own_logits, own_cv = both(name, features, labels, 10, at_once)
    rtol, atol = (1e-3, 1e-3) if name in EXACT else (0.02, 0.1)
    torch.testing.assert_close(own_logits, logits, rtol=rtol, atol=atol)
    torch.testing.assert_close(own_cv, cv, rtol=rtol, atol=atol)
    assert float((own_logits.argmax(1) == logits.argmax(1)).double().mean()) > 0.995


@pytest.mark.parametrize("name", NAMES)
def test_more_features_than_samples_and_a_class_that_does_not_occur_make_no_difference(name: str) -> None:
    features, labels = wide(40, 60)
    logits, _, own, _ = both(name, features, labels, 6, 16)
    torch.testing.assert_close(own, logits, rtol=0.02, atol=0.05)


@settings(max_examples=15, deadline=None)
@given(n=st.integers(30, 90), d=st.integers(2, 40), at_once=st.integers(1, 100), seed=st.integers(0, 5))
def test_sums_of_blocks_are_those_of_the_whole(n: int, d: int, at_once: int, seed: int) -> None:
    features, labels = wide(n, d, classes=3, seed=seed)
    features[:, 0] = 2.5  # a column that does not vary
    standard = Standard.of(features, at_once=at_once)
    rows, mean, std = Problem.of(features, labels, 3).standard
    torch.testing.assert_close(torch.cat([block for _, block in standard.blocks()]), rows)
    torch.testing.assert_close((standard.mean, standard.std), (mean, std))
    for name in ("lda", "ridge", "class_means"):
        logits, cv, own_logits, own_cv = both(name, features, labels, 3, at_once)
        torch.testing.assert_close((own_logits, own_cv), (logits, cv), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("labels", [False, True])
def test_numbers_and_labels_in_blocks_are_those_of_the_whole(labels: bool) -> None:
    features, classes, _, _ = digits()
    targets = torch.eye(10)[torch.from_numpy(classes)] if labels else torch.from_numpy(classes)[:, None].float()
    targets[::50] = torch.nan
    whole, parts = (
        fit_numbers(features, targets, labels=labels),
        numbers_in_blocks(features, targets, labels=labels, at_once=64),
    )
    assert parts.choice == pytest.approx(whole.choice, rel=1e-4)
    torch.testing.assert_close(parts.logits(features), whole.logits(features), rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(parts.cv_outputs, whole.cv_outputs, rtol=1e-2, atol=1e-2, equal_nan=True)


def test_features_that_are_not_finite_are_refused_whatever_block_they_are_in() -> None:
    features, labels = wide(40, 5)
    features[33, 2] = torch.nan
    with pytest.raises(TrainingError, match="1 of 40 samples are not finite"):
        BlockProblem.of(features, labels, 4, at_once=8)


def test_eigenvectors_that_one_library_does_not_find_are_found_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(matrix: Tensor) -> object:
        raise RuntimeError("linalg.eigh: The algorithm failed to converge")

    monkeypatch.setattr(torch.linalg, "eigh", fails)
    values, vectors = eigen(torch.tensor([[2.0, 0.0], [0.0, 3.0]]))
    assert values.tolist() == [2.0, 3.0]
    assert vectors.dtype == torch.float32
    assert np.allclose((vectors * values) @ vectors.T, [[2, 0], [0, 3]])
