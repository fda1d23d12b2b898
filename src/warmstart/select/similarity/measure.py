"""What a measure is: a number for two sets of rows of a pair, and what it takes for that number to mean something."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from warmstart.data.schema import IntArray
from warmstart.evaluation.interval import Interval
from warmstart.select.similarity.pair import Pair


@dataclasses.dataclass(frozen=True)
class Measure:
    """One way to say how far apart two sets are.

    Args:
        name: in `results.json`.
        title: for a person.
        how: definition and source.
        between: the measure between some rows and other rows of a pair.
        needs: why the samples of a pair do not support it and what would; empty where they do.
        least: the lowest value there is.
        greatest: the highest.
        most: of each set at most so many samples are used.
        interval: how sure the value is, where that is not left to half-samples.
        p: of a permutation test.
        in_components: it is of the principal components, not of all features.
    """

    name: str
    title: str
    how: str
    between: Callable[[Pair, IntArray, IntArray], float]
    needs: Callable[[Pair], str]
    least: float = float("-inf")
    greatest: float = float("inf")
    most: int | None = None
    interval: Callable[[Pair], Interval] | None = None
    p: Callable[[Pair], float] | None = None
    in_components: bool = True


def at_least(samples: int, why: str) -> Callable[[Pair], str]:
    """Refuse pairs whose smaller set has fewer samples."""

    def needs(pair: Pair) -> str:
        return "" if pair.smaller >= samples else f"{samples} samples of each set are needed, not {pair.smaller}: {why}"

    return needs
