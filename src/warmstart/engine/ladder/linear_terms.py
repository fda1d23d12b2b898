"""TF-IDF and a linear model where answers are numbers, or labels that do not exclude each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor

from warmstart.data.schema import IntArray, Text
from warmstart.engine.heads.threads import threads_for
from warmstart.engine.ladder.terms import Terms, View
from warmstart.evaluation.scoring import Merit
from warmstart.task.base import Task

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
"""C of scikit-learn; of ridge regression its inverse."""
_VIEWS: tuple[View, ...] = ("words", "characters")
_MOST, _LENGTH, _FOLDS, _TERMS = 500, 2000, 4, 50_000
"""Texts that the choice is made on, and characters of each; folds; terms at most."""
_SURE = 20.0
"""The logit of a label that all texts have, or none."""

Array = npt.NDArray[np.float64]


class LinearTerms:
    """A linear model on the terms of texts: ridge for numbers, a logistic regression for each label."""

    def __init__(self, task: Task, texts: Sequence[Text], targets: Tensor, view: View, strength: float) -> None:
        known = ~targets.isnan().any(1).numpy()
        self.terms, counted = Terms.of(texts, view, _TERMS)
        fitted, truth = counted[known], targets.numpy()[known].astype(np.float64)
        if task.name == "regress":
            self.models = [Ridge(alpha=1 / strength, solver="sparse_cg").fit(fitted, column) for column in truth.T]
        else:
            self.models = [_logistic(fitted, column, strength) for column in truth.T]

    def outputs(self, texts: Sequence[Text]) -> Tensor:
        """Outputs (n, k) as a network gives them: numbers in its unit, logits of labels."""
        if not texts:
            return torch.empty(0, len(self.models))
        rows = self.terms.rows(texts)
        return torch.from_numpy(np.stack([_answer(model, rows) for model in self.models], axis=1)).float()


def choose(task: Task, texts: Sequence[Text], targets: Tensor, seed: int) -> tuple[View, float]:
    """The terms and the strength that answer held-out texts best, by folds of at most 500 texts."""
    rng = np.random.default_rng(seed)
    few: IntArray = rng.permutation(len(texts))[:_MOST]
    seen = [Text(tuple(part[:_LENGTH] for part in texts[i].parts)) for i in few]
    truth, fold = targets[torch.from_numpy(few)], np.arange(len(few)) % min(_FOLDS, len(few))
    scored: list[tuple[Merit, View, float]] = []
    for view in _VIEWS:
        for strength in STRENGTHS:
            outputs = torch.zeros(truth.shape)
            for held in np.unique(fold):
                inside, outside = np.flatnonzero(fold != held), np.flatnonzero(fold == held)
                model = LinearTerms(task, [seen[i] for i in inside], truth[inside], view, strength)
                outputs[outside] = model.outputs([seen[i] for i in outside])
            scored.append((Merit.of(task, outputs, truth), view, strength))
    _, view, strength = max(scored, key=lambda one: one[0])
    return view, strength


def fitted(
    task: Task, texts: Sequence[Text], targets: Tensor, chosen: tuple[View, float] | None, seed: int
) -> tuple[LinearTerms, View, float]:
    """The model on all texts, with the terms and strength that were chosen before, or are chosen now."""
    with threads_for(0):
        view, strength = chosen or choose(task, texts, targets, seed)
        return LinearTerms(task, texts, targets, view, strength), view, strength


def _logistic(rows: Array, label: Array, strength: float) -> LogisticRegression | float:
    """The regression, or one logit where all texts have the label, or none."""
    if len(np.unique(label)) < 2:
        return _SURE if label[:1].sum() else -_SURE
    return LogisticRegression(C=strength, max_iter=300).fit(rows, label)


def _answer(model: Ridge | LogisticRegression | float, rows: Array) -> Array:
    if isinstance(model, float):
        return np.full(rows.shape[0], model)
    found: Array = model.predict(rows) if isinstance(model, Ridge) else model.decision_function(rows)
    return found
