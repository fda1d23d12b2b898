"""All measures between two sets of features. No file is read and none written."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import IntArray
from warmstart.errors import DataError
from warmstart.evaluation.similarity import BlockRow, Similarity
from warmstart.select.similarity.coral import CORAL
from warmstart.select.similarity.cosine import COSINE
from warmstart.select.similarity.frechet import FRECHET
from warmstart.select.similarity.kid import KID
from warmstart.select.similarity.kl import KL, SYMMETRIC_KL
from warmstart.select.similarity.measure import Measure
from warmstart.select.similarity.measured import measured
from warmstart.select.similarity.mmd import MMD
from warmstart.select.similarity.otdd import OTDD
from warmstart.select.similarity.pair import Pair
from warmstart.select.similarity.proxy_a import AUC, PROXY_A
from warmstart.select.similarity.words import reading, strength, verdict

MEASURES: tuple[Measure, ...] = (PROXY_A, AUC, MMD, KID, FRECHET, KL, SYMMETRIC_KL, CORAL, COSINE, OTDD)


def compare_features(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    labels_a: Sequence[str] | IntArray | None = None,
    labels_b: Sequence[str] | IntArray | None = None,
    *,
    blocks: tuple[BlockRow, ...] = (),
    only: Collection[str] | None = None,
    seed: int = 0,
) -> Similarity:
    """How far apart features `a` (n, d) and `b` (m, d) of one network are: every measure with interval and reading.

    Args:
        a: features of the first set, of which two halves show what no shift looks like.
        b: features of the second set.
        labels_a: class of each row of `a`, for the optimal-transport dataset distance.
        labels_b: class of each row of `b`.
        blocks: what `along_depth` says of the same sets, for the verdict.
        only: names of the measures that are wanted, `proxy_a` and `mmd` among them; all by default.
        seed: of every random draw.

    Raises:
        DataError: a set has fewer than two samples, or features that are not finite, or widths differ.

    >>> rng = np.random.default_rng(0)
    >>> found = compare_features(rng.normal(size=(100, 8)), rng.normal(size=(100, 8)) + 1)
    >>> found.strength, found.measure("mmd").p
    ('strong', 0.002)
    >>> found.measure("otdd").refused
    'it compares labelled sets, and one of the two has no labels'
    """
    first, second = (np.asarray(x, dtype=np.float32) for x in (a, b))
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or min(len(first), len(second)) < 2:
        raise DataError(
            f"features of shapes {first.shape} and {second.shape}", expected="(n, d) and (m, d), two or more"
        )
    both = np.concatenate([first, second])
    if not np.isfinite(both).all():
        raise DataError("features that are not finite", do="use a backbone whose features are finite on these images")
    pair = Pair(both, len(first), _labels(labels_a, labels_b), seed)
    found = [measured(measure, pair) for measure in MEASURES if only is None or measure.name in only]
    read = {m.name: dataclasses.replace(m, reading=reading(m)) for m in found}
    samples = len(first), len(second)
    return Similarity(
        samples,
        tuple(read.values()),
        strength(read["proxy_a"], read["mmd"]),
        verdict(samples, read, blocks),
        blocks,
    )


def _labels(a: Sequence[str] | IntArray | None, b: Sequence[str] | IntArray | None) -> IntArray | None:
    """Class indices of both sets, each its own."""
    if a is None or b is None:
        return None
    return np.concatenate([np.unique(np.asarray(x), return_inverse=True)[1] for x in (a, b)]).astype(np.int64)
