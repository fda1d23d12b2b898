"""What can be had of texts to be written without any transfer: what was written for the most similar training text.

Similar are texts by the cosine of their TF-IDF rows. Nothing is learned but how often the tokens of the nearest text's
target are the right ones.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray, Text
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import Earlier, Role
from warmstart.engine.ladder.terms import Terms
from warmstart.errors import TrainingError
from warmstart.preprocess.kinds import of_texts

_TERMS, _MOST, _AT_ONCE = 50_000, 1000, 256
"""Terms; training texts on which it is counted how often the nearest other is right; rows that are compared at once."""
_START, _PER_TEXT, _PER_PAIR = 0.5, 1e-3, 1e-6
"""Seconds on one core."""


class Nearest:
    """Finds the most similar of some texts; of equally similar ones the first."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self._terms, self._rows = Terms.of(texts, "words", _TERMS)

    def of(self, texts: Sequence[Text]) -> IntArray:
        """Positions (n,) of the texts that are nearest to each of `texts`.

        >>> Nearest([Text(("rain and wind",)), Text(("cats and dogs",))]).of([Text(("a cats life",))]).tolist()
        [1]
        """
        return self._best(self._terms.rows(texts)) if texts else np.zeros(0, dtype=np.int64)

    def of_others(self, positions: IntArray) -> IntArray:
        """The same for texts of its own, each of which is left out of what it is compared with."""
        return self._best(self._rows[positions], positions)

    def _best(self, rows: Any, without: IntArray | None = None) -> IntArray:
        found = np.zeros(rows.shape[0], dtype=np.int64)
        for start in range(0, len(found), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            alike = (rows[part] @ self._rows.T).toarray()
            if without is not None:
                alike[np.arange(len(alike)), without[part]] = -1.0
            found[part] = alike.argmax(1)
        return found


@dataclasses.dataclass
class NearestRung:
    """The target of the nearest training text: what can be had without any transfer."""

    name: str = "nearest"
    about: str = "no transfer: what was written for the most similar training text"
    role: Role = "baseline"
    after: tuple[str, ...] = ()

    def seconds(self, context: LadderContext) -> float:
        """By the number of texts."""
        train, val = len(context.data.split.train), len(context.data.split.val)
        return _START + _PER_TEXT * (train + val) + _PER_PAIR * train * (val + min(train, _MOST))

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Count the terms of the training part, and how often the nearest other text has the right tokens.

        Outputs are what the task keeps (`warmstart.task.generate`): a token is right where the other text has the same
        one in its place. Its probability is that of being right on training texts, what is left of it being shared by
        all other tokens.
        """
        data, train = context.data, context.data.split.train
        if len(train) < 2:
            raise TrainingError("one training text has no other to be compared with", expected="two or more")
        nearest = Nearest(_texts(context, train))
        drawn = np.random.default_rng(context.seed).permutation(len(train))[:_MOST]
        hits = _same(data.targets(train[drawn]), data.targets(train[nearest.of_others(drawn)]))
        counted = data.targets(train[drawn]) >= 0
        share = (float(hits[counted].sum()) + 1) / (int(counted.sum()) + 2)  # the rule of succession: never 0 or 1
        spec = of_texts(data.spec)
        others = max(spec.opened(spec.limit).get_vocab_size() - 1, 1)
        logs = torch.tensor([math.log((1 - share) / others), math.log(share)])

        def outputs(indices: IntArray) -> Tensor:
            truth = data.targets(indices)
            right = _same(truth, data.targets(train[nearest.of(_texts(context, indices))]))
            return torch.stack([logs[right.long()], right.float()], 2) * (truth >= 0).unsqueeze(2)

        note = f"{share:.0%} of the tokens of training texts"
        return Contender(self.name, outputs, outputs(data.split.val), note=note)

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """A baseline is fitted on the same samples as what it is compared with."""
        return self.climb(context, earlier)


def _same(targets: Tensor, others: Tensor) -> Tensor:
    """Whether tokens (n, T) are those of `others` (n, T'), each row from its start; bool (n, T)."""
    wide = torch.full_like(targets, -2)
    most = min(targets.shape[1], others.shape[1])
    wide[:, :most] = others[:, :most]
    return (wide == targets) & (targets >= 0)


def _texts(context: LadderContext, indices: IntArray) -> list[Text]:
    return [context.data.dataset.samples[int(i)].source for i in indices]
