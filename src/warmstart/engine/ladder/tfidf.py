"""What can be had of texts without any transfer: TF-IDF and logistic regression, its choices made by cross-validation.

An L2-penalised solution lies in the span of the samples, so that for the choice, on a sample of the training texts, the
inner products of their rows stand for hundreds of thousands of columns, exactly (Schölkopf et al. 2001, the representer
theorem), and all C and folds take less time than one fit on the columns.

Accuracy on BBC News (5 classes, 5 draws) against `TfidfVectorizer() + LogisticRegression()` as scikit-learn sets them:
of 200 whole articles .952 against .877, of 1000 .980 against .967; of 200 headlines .552 against .497, of 1000 .788
against .756. Of articles half of that is C, which is small by default for rows of length one, and of headlines all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from warmstart.data.schema import IntArray, Text
from warmstart.engine.heads.folds import fold_of, stratified_order
from warmstart.engine.heads.logistic import path
from warmstart.engine.heads.score import best
from warmstart.engine.heads.threads import eigen, threads_for
from warmstart.engine.ladder import far_terms, linear_terms
from warmstart.engine.ladder.alone import of_each_task
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import Earlier, Role
from warmstart.engine.ladder.terms import VIEWS, Terms, View
from warmstart.errors import TrainingError

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)
"""C of scikit-learn."""
_MOST, _LENGTH, _CHARACTERS = 1000, 2000, 500_000
"""The choice is made on at most so many texts, the beginning of each, and characters in all."""
_TERMS, _WEIGHTS = 50_000, 5_000_000
"""Terms at most, and terms times classes; L-BFGS keeps twenty copies of the latter."""
_START, _PER_TEXT, _PER_CHARACTER = 1.0, 2e-3, 2e-6
"""Seconds on one core, per text of those that the choice is made on, and per character of all."""
_TOLD = 10
"""Terms that are told of each class."""
_ABSENT = 5.0
"""How far the logit of a class without a sample lies below the lowest of the others, to take next to no probability."""


@dataclasses.dataclass
class TfidfRung:
    """Logistic regression on TF-IDF of words, or of runs of characters: what can be had without any transfer."""

    name: str = "tfidf"
    about: str = "no transfer: TF-IDF and a linear model"
    role: Role = "baseline"
    after: tuple[str, ...] = ()

    def seconds(self, context: LadderContext) -> float:
        """By the number of texts and characters."""
        split = context.data.split
        texts = _texts(context, np.concatenate([split.train, split.val]))
        return _START + _PER_TEXT * min(len(texts), _MOST) + _PER_CHARACTER * sum(len(str(text)) for text in texts)

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Choose the terms and C by cross-validation on the training part, and fit."""
        train = context.data.split.train
        if context.task.name == "several":
            return of_each_task(self, context, self.name)
        if context.task.name == "anomaly":
            return self._far(context)
        if context.task.name != "classify":
            return self._open(context, None)
        with threads_for(0):
            view, strength = _choose(_texts(context, train), context.data.targets(train).numpy(), context.seed)
        return self._fitted(context, view, strength)

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """A baseline is fitted on the same samples as what it is compared with."""
        if context.task.name == "several":
            return of_each_task(self, context, self.name)
        if context.task.name == "anomaly":
            return self._far(context)
        view = next(view for view in VIEWS if view == first.settings["view"])
        strength = float(str(first.settings["C"]))
        if context.task.name != "classify":
            return self._open(context, (view, strength))
        return self._fitted(context, view, strength)

    def _far(self, context: LadderContext) -> Contender:
        """Where answers are distances from normal texts."""
        data, train = context.data, context.data.split.train
        far = far_terms.FarTerms.of(_texts(context, train), data.targets(train).numpy())

        def outputs(indices: IntArray) -> Tensor:
            return far.outputs(_texts(context, indices))

        return Contender(self.name, outputs, outputs(data.split.val))

    def _open(self, context: LadderContext, chosen: tuple[View, float] | None) -> Contender:
        """Where answers are no classes."""
        data, train = context.data, context.data.split.train
        model, view, strength = linear_terms.fitted(
            context.task, _texts(context, train), data.targets(train), chosen, context.seed
        )

        def outputs(indices: IntArray) -> Tensor:
            return model.outputs(_texts(context, indices))

        settings: dict[str, object] = {"view": view, "C": strength}
        note = f"of {view}, C = {strength:g}"
        return Contender(self.name, outputs, outputs(data.split.val), settings=settings, note=note)

    def _fitted(self, context: LadderContext, view: View, strength: float) -> Contender:
        data = context.data
        classes = len(data.dataset.target.classes)
        labels = data.targets(data.split.train).numpy()
        with threads_for(0):
            texts, most = _texts(context, data.split.train), min(_TERMS, _WEIGHTS // classes)
            terms, rows = Terms.of(texts, view, most)
            model = LogisticRegression(C=strength, max_iter=1000).fit(rows, labels)
            lowest = float(model.predict_log_proba(rows).min())
            told, by_word = terms, model
            if view == "characters":  # parts of words tell a person little
                told, rows = Terms.of(texts, "words", most)
                by_word = LogisticRegression(C=strength, max_iter=1000).fit(rows, labels)

        def outputs(indices: IntArray) -> Tensor:
            logits = torch.full((len(indices), classes), lowest - _ABSENT)
            if len(indices):
                with threads_for(0):
                    found = model.predict_log_proba(terms.rows(_texts(context, indices)))
                logits[:, torch.from_numpy(model.classes_)] = torch.from_numpy(found).float()
            return logits

        settings: dict[str, object] = {"view": view, "C": strength}
        return Contender(
            self.name,
            outputs,
            outputs(data.split.val),
            settings=settings,
            note=f"of {view}, C = {strength:g}",
            terms=_telling(by_word, told.names(len(texts[0].parts)), classes),
        )


def _telling(model: LogisticRegression, names: Sequence[str], classes: int) -> tuple[tuple[str, ...], ...]:
    """The terms of the largest weights for each class, the largest first; none of a class without a sample."""
    weights = model.coef_ if len(model.classes_) > 2 else np.concatenate([-model.coef_, model.coef_])
    found: list[tuple[str, ...]] = [()] * classes
    for label, row in zip(model.classes_, weights, strict=True):
        found[label] = tuple(names[i] for i in np.argsort(-row, kind="stable")[:_TOLD] if row[i] > 0)
    return tuple(found)


def _texts(context: LadderContext, indices: IntArray) -> list[Text]:
    return [context.data.dataset.samples[int(i)].source for i in indices]


def _choose(texts: Sequence[Text], labels: IntArray, seed: int) -> tuple[View, float]:
    """The terms, and C. Terms that cost more must be better by a standard error of the difference."""
    if len(np.unique(labels)) < 2:
        raise TrainingError(
            "the training texts are all of one class", "two classes or more", "give labelled texts of both"
        )
    few = _few(texts, labels, seed)
    inside = np.unique(labels[few], return_inverse=True)[1].astype(np.int64)
    seen = [Text(tuple(part[:_LENGTH] for part in texts[i].parts)) for i in few]
    fold = fold_of(inside, 5, seed)
    kept, before = (VIEWS[0], STRENGTHS[0]), torch.zeros(len(few), dtype=torch.float64)
    for view in VIEWS:
        outputs, _ = path(_scores(Terms.of(seen, view, _TERMS)[1]), inside, int(inside.max()) + 1, fold, STRENGTHS)
        chosen = best(outputs, inside)[0]
        right = (outputs[chosen].argmax(1) == torch.from_numpy(inside)).double()
        if (right - before).mean() > (right - before).std() / len(few) ** 0.5:
            kept, before = (view, STRENGTHS[chosen]), right
    return kept


def _few(texts: Sequence[Text], labels: IntArray, seed: int) -> IntArray:
    """Texts to choose on: one of every class, then the classes in their shares."""
    order = stratified_order(np.unique(labels, return_inverse=True)[1].astype(np.int64), seed)
    firsts = order[np.sort(np.unique(labels[order], return_index=True)[1])]
    few = np.concatenate([firsts, order[~np.isin(order, firsts)]])[:_MOST]
    spent = np.cumsum([sum(min(len(part), _LENGTH) for part in texts[i].parts) for i in few])
    return few[: max(2, int((spent <= _CHARACTERS).sum()))]


def _scores(rows: Any) -> Tensor:
    """Dense coordinates (n, n) with the inner products of the sparse rows (n, d)."""
    values, vectors = eigen(torch.from_numpy((rows @ rows.T).toarray()).double())
    return vectors * values.sqrt()
