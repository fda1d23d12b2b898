"""How far apart two sets are block by block: whether the shift is in what early blocks see, or in what late ones make.

Tuning early blocks suits a shift of the input (noise, colour, another camera), tuning late ones a shift of what is to
be said (Lee et al. 2023, "Surgical fine-tuning"). CKA compares representations of the *same* samples, so between two
data sets there is none of samples. What both sets do share are the channels: `covariance_cka` is linear CKA with the
roles of samples and channels exchanged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from warmstart.data.schema import IntArray
from warmstart.evaluation.similarity import BlockRow
from warmstart.model.backbone import FeatureGroup
from warmstart.select.similarity.kernel import Floats, Singles
from warmstart.select.similarity.measured import halvings
from warmstart.select.similarity.mmd import MMD
from warmstart.select.similarity.pair import Pair

MOST = 800
"""Samples of each set: there are many blocks."""
ROUNDS = 10


def along_depth(a: Singles, b: Singles, groups: Sequence[FeatureGroup], *, seed: int = 0) -> tuple[BlockRow, ...]:
    """MMD² and `covariance_cka` of each group of columns of features `a` (n, d) and `b` (m, d), in their order.

    A kernel as wide as the median distance makes MMD² comparable from block to block, whatever their scale and width.
    """
    if min(len(a), len(b)) < 20:  # what MMD refuses
        return ()
    rng = np.random.default_rng(seed)
    a, b = (x[rng.permutation(len(x))[:MOST]] for x in (a, b))
    rows = []
    for group in groups:
        both = np.concatenate([x[:, group.start : group.stop] for x in (a, b)])
        pair = Pair(both, len(a), seed=seed)
        value, drawn = MMD.between(pair, pair.a, pair.b), halvings(MMD, pair, pair.a, pair.b, ROUNDS)
        rows.append(BlockRow(group.name, drawn.interval(value, -np.inf, 2.0), drawn.baseline, _cka_of(pair)))
    return tuple(rows)


def covariance_cka(a: Sequence[Floats], b: Sequence[Floats]) -> float | None:
    """Linear CKA of two feature covariances, <A, B> / sqrt(<A, A> <B, B>), from two halves of each set.

    1 where the same directions of the features vary together in both sets, and are of the same relative strength;
    0 where what varies in one is constant in the other. Inner products of covariances are taken between halves that
    share no sample, so noise adds nothing to them. `None` where a set varies no more than by noise.

    >>> rng = np.random.default_rng(0)
    >>> halves = [rng.normal(size=(500, 2)) * [1, 0] for _ in range(2)]
    >>> covariance_cka(halves, [x[:, ::-1] for x in halves])
    0.0
    """
    first, second = ([np.atleast_2d(np.cov(x, rowvar=False)) for x in halves] for halves in (a, b))
    own = float((first[0] * first[1]).sum()), float((second[0] * second[1]).sum())
    if min(own) <= 0:
        return None
    shared = sum(float((x * y).sum()) for x in first for y in second) / 4
    return shared / math.sqrt(own[0] * own[1])


def _cka_of(pair: Pair) -> float | None:
    """Mean of `covariance_cka` over random halves; at most 1."""
    rng = np.random.default_rng(pair.seed)

    def halved(rows: IntArray) -> list[Floats]:
        return [pair.components[half] for half in np.array_split(rng.permutation(rows), 2)]

    found = [covariance_cka(halved(pair.a), halved(pair.b)) for _ in range(ROUNDS)]
    known = [value for value in found if value is not None]
    return min(float(np.mean(known)), 1.0) if known else None
