"""What can be had of tagged words without any transfer: logistic regression on how a word and its neighbours are spelt.

The features are those of taggers before networks (Ratnaparkhi 1996; Tjong Kim Sang & De Meulder 2003): the word, its
beginning and end, its shape, and the same of the words beside it. C is chosen on a fifth of the texts.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.data.tokens import TokenStore
from warmstart.engine.heads.threads import threads_for
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import Earlier, Role
from warmstart.errors import TrainingError

STRENGTHS = (0.3, 1.0, 3.0, 10.0)
"""C of scikit-learn."""
_MOST = 50_000
"""Words that it is fitted on, at most, in whole texts."""
_START, _PER_WORD = 1.0, 4e-5
"""Seconds on one core, per word and tag: 8,000 words with 21 tags took about five."""
_TOLD, _ABSENT = 10, 5.0
"""As in `warmstart.engine.ladder.tfidf`."""
_WORD = "word "
_SHAPES = ((re.compile("[A-ZÀ-Þ]+"), "X"), (re.compile("[a-zß-ÿ]+"), "x"), (re.compile("[0-9]+"), "9"))


@dataclasses.dataclass
class WordsRung:
    """Logistic regression on the spelling of words and of their neighbours: what can be had without any transfer."""

    name: str = "words"
    about: str = "no transfer: logistic regression on words, their endings and their neighbours"
    role: Role = "baseline"
    after: tuple[str, ...] = ()

    def seconds(self, context: LadderContext) -> float:
        """By the numbers of words and of tags."""
        data = context.data
        texts = _texts(data.dataset.samples, data.split.train)
        return _START + _PER_WORD * min(sum(map(len, texts)), _MOST) * len(data.dataset.target.classes)

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Choose C on a fifth of the training texts, and fit."""
        order = np.random.default_rng(context.seed).permutation(context.data.split.train)
        held_out, rest = np.split(order, [len(order) // 5])
        if not len(held_out):
            return self._fitted(context, STRENGTHS[1])
        truth, best = context.data.targets(held_out), (-1.0, STRENGTHS[1])
        for strength in STRENGTHS:
            outputs = _Tagger.of(context, rest, strength).outputs(context, held_out)
            found = context.task.metrics(outputs, truth)[context.task.primary_metric]
            best = max(best, (found, strength), key=lambda one: one[0])
        return self._fitted(context, best[1])

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """A baseline is fitted on the same samples as what it is compared with."""
        return self._fitted(context, float(str(first.settings["C"])))

    def _fitted(self, context: LadderContext, strength: float) -> Contender:
        tagger = _Tagger.of(context, context.data.split.train, strength)

        def outputs(indices: IntArray) -> Tensor:
            return tagger.outputs(context, indices)

        val = outputs(context.data.split.val)
        settings: dict[str, object] = {"C": strength}
        note = f"C = {strength:g}"
        return Contender(self.name, outputs, val, settings=settings, note=note, terms=tagger.telling())


@dataclasses.dataclass(frozen=True)
class _Tagger:
    terms: CountVectorizer
    model: LogisticRegression
    lowest: float  # of the logarithms of the probabilities it gave
    classes: int

    @classmethod
    def of(cls, context: LadderContext, indices: IntArray, strength: float) -> _Tagger:
        """Fit on the texts at `indices`."""
        data = context.data
        known = np.array([i for i in indices if data.dataset.samples[int(i)].label], dtype=np.int64)
        texts = _texts(data.dataset.samples, known)
        many = int(np.searchsorted(np.cumsum([len(text) for text in texts]), _MOST, side="right"))
        texts, known = texts[: max(many, 1)], known[: max(many, 1)]
        tags = data.dataset.targets[known]
        labels = np.concatenate([row[: len(text)] for row, text in zip(tags, texts, strict=True)] or [tags.ravel()])
        if len(np.unique(labels)) < 2:
            raise TrainingError("all training words have one tag", "two tags or more", "give texts that have others")
        with threads_for(0):
            terms = CountVectorizer(analyzer=_same, binary=True)
            rows = terms.fit_transform([list(found) for text in texts for found in _features(text)])
            model = LogisticRegression(C=strength, max_iter=500).fit(rows, labels)
            lowest = float(model.predict_log_proba(rows).min())
        return cls(terms, model, lowest, len(data.dataset.target.classes))

    def outputs(self, context: LadderContext, indices: IntArray) -> Tensor:
        """Logits (n, tokens of the longest, tags), each at the first token of its word and zero elsewhere."""
        store = context.data.store
        assert isinstance(store, TokenStore), "words are of texts"
        longest = int(store.lengths[indices].max(initial=0))
        found = torch.zeros(len(indices), longest, self.classes)
        texts = _texts(context.data.dataset.samples, indices)
        if not any(texts):
            return found
        with threads_for(0):
            rows = self.terms.transform([list(own) for text in texts for own in _features(text)])
            said = torch.full((rows.shape[0], self.classes), self.lowest - _ABSENT)
            said[:, torch.from_numpy(self.model.classes_)] = torch.from_numpy(
                self.model.predict_log_proba(rows)
            ).float()
        begun = 0
        for row, text, starts in zip(found, texts, store.starts(indices), strict=True):
            own, read = said[begun : begun + len(text)], torch.from_numpy(starts >= 0)
            row[torch.from_numpy(starts[starts >= 0]).long()] = own[read]
            begun += len(text)
        return found

    def telling(self) -> tuple[tuple[str, ...], ...]:
        """The words that speak most for each tag, the strongest first; none of a tag without a sample."""
        model, names = self.model, self.terms.get_feature_names_out()
        weights = model.coef_ if len(model.classes_) > 2 else np.concatenate([-model.coef_, model.coef_])
        at = [i for i, name in enumerate(names) if name.startswith(_WORD)]
        found: list[tuple[str, ...]] = [()] * self.classes
        for tag, row in zip(model.classes_, weights, strict=True):
            order = [at[k] for k in np.argsort(-row[at], kind="stable")[:_TOLD]]
            found[tag] = tuple(names[i].removeprefix(_WORD) for i in order if row[i] > 0)
        return tuple(found)


def _features(words: Sequence[str]) -> Iterator[list[str]]:
    """What is known of each word."""
    shapes, lower = [shape(word) for word in words], [word.lower() for word in words]
    for i, word in enumerate(words):
        found = [f"{_WORD}{word}", f"lower {lower[i]}", f"shape {shapes[i]}"]
        found += [f"ends {lower[i][-n:]}" for n in (2, 3)] + [f"begins {lower[i][:3]}"]
        for step in (-2, -1, 1, 2):
            there = 0 <= i + step < len(words)
            found.append(f"{step} {lower[i + step] if there else '|'}")
            if abs(step) == 1:
                found.append(f"{step} shape {shapes[i + step] if there else '|'}")
        yield found


def shape(word: str) -> str:
    """A word with a letter for each run of capitals, of other letters and of digits.

    >>> shape("McDonald's"), shape("1990s")
    ("XxXx'x", '9x')
    """
    for pattern, letter in _SHAPES:
        word = pattern.sub(letter, word)
    return word


def _same(found: Any) -> Any:
    return found


def _texts(samples: Sequence[Any], indices: IntArray) -> list[tuple[str, ...]]:
    return [samples[int(i)].source.words for i in indices]
