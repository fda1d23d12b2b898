"""TF-IDF and a linear model where answers are numbers, or labels that do not exclude each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor

from warmstart.data.schema import IntArray, Text
from warmstart.engine.heads.threads import threads_for
from warmstart.engine.ladder.terms import Terms, View
from warmstart.evaluation.scoring import Merit
from warmstart.task.base import Task, is_known

STRENGTHS = (0.3, 3.0, 30.0)
"""C of scikit-learn; of ridge regression its inverse."""
_VIEWS: tuple[View, ...] = ("words", "characters")
_MOST, _LENGTH, _FOLDS, _TERMS = 500, 2000, 3, 50_000
"""Texts that the choice is made on, and characters of each; folds; terms at most."""
_SURE = 20.0
"""The logit of a label that all texts have, or none."""

Array = npt.NDArray[np.float64]
Model = Any  # of scikit-learn, which has no types; a plain number is the answer to every text


@dataclasses.dataclass(frozen=True)
class LinearTerms:
    """A linear model on the terms of texts: ridge for numbers, a logistic regression for each label."""

    terms: Terms
    models: tuple[Model, ...]

    @classmethod
    def of(cls, task: Task, texts: Sequence[Text], targets: Tensor, view: View, strength: float) -> LinearTerms:
        """Count the terms of `texts` and fit."""
        terms, rows = Terms.of(texts, view, _TERMS)
        return cls(terms, _models(task, rows, targets, strength))

    def outputs(self, texts: Sequence[Text]) -> Tensor:
        """Outputs (n, k) as a network gives them: numbers in its unit, logits of labels."""
        if not texts:
            return torch.empty(0, len(self.models))
        return _answers(self.models, self.terms.rows(texts))


def choose(task: Task, texts: Sequence[Text], targets: Tensor, seed: int) -> tuple[View, float]:
    """The terms and the strength that answer held-out texts best, by folds of at most 500 texts."""
    rng = np.random.default_rng(seed)
    few: IntArray = rng.permutation(len(texts))[:_MOST]
    seen = [Text(tuple(part[:_LENGTH] for part in texts[i].parts)) for i in few]
    truth, fold = targets[torch.from_numpy(few)], np.arange(len(few)) % min(_FOLDS, len(few))
    outputs = {(view, strength): torch.zeros(truth.shape) for view in _VIEWS for strength in STRENGTHS}
    for held in np.unique(fold):
        inside, outside = np.flatnonzero(fold != held), np.flatnonzero(fold == held)
        for view in _VIEWS:
            terms, rows = Terms.of([seen[i] for i in inside], view, _TERMS)
            others = terms.rows([seen[i] for i in outside])
            for strength in STRENGTHS:
                outputs[view, strength][outside] = _answers(_models(task, rows, truth[inside], strength), others)
    return max(outputs, key=lambda one: Merit.of(task, outputs[one], truth))


def fitted(
    task: Task, texts: Sequence[Text], targets: Tensor, chosen: tuple[View, float] | None, seed: int
) -> tuple[LinearTerms, View, float]:
    """The model on all texts, with the terms and strength that were chosen before, or are chosen now."""
    with threads_for(0):
        view, strength = chosen or choose(task, texts, targets, seed)
        return LinearTerms.of(task, texts, targets, view, strength), view, strength


def _models(task: Task, rows: Array, targets: Tensor, strength: float) -> tuple[Model, ...]:
    """A model for each number or label, of the rows whose targets are known."""
    known = is_known(targets).numpy()
    truth = targets.numpy()[known].astype(np.float64)
    if task.name == "regress":
        return tuple(Ridge(alpha=1 / strength, solver="sparse_cg").fit(rows[known], column) for column in truth.T)
    return tuple(_logistic(rows[known], column, strength) for column in truth.T)


def _logistic(rows: Array, label: Array, strength: float) -> Model:
    """The regression, or one logit where all texts have the label, or none."""
    if len(np.unique(label)) < 2:
        return _SURE if label[:1].sum() else -_SURE
    return LogisticRegression(C=strength, max_iter=300).fit(rows, label)


def _answers(models: Sequence[Model], rows: Array) -> Tensor:
    """(n, k)"""
    return torch.from_numpy(np.stack([_answer(model, rows) for model in models], axis=1)).float()


def _answer(model: Model, rows: Array) -> Array:
    if isinstance(model, float):
        return np.full(rows.shape[0], model)
    found: Array = model.predict(rows) if isinstance(model, Ridge) else model.decision_function(rows)
    return found
