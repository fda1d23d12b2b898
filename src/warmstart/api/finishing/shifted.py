"""Whether what was measured on is of the same kind as what was learned from, by features that are stored already."""

from __future__ import annotations

import numpy as np

from warmstart.api.finishing.finish import Measured
from warmstart.api.finishing.stored import stored_features
from warmstart.engine.events import Decided
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.seeds import some_of
from warmstart.evaluation.similarity import Similarity
from warmstart.select.similarity import compare_features

SAMPLES = 400
"""Of each part, at most; with them it takes about a second."""
MEASURES = ("proxy_a", "mmd", "frechet", "cosine")
FEWEST = 2
"""Samples of each part that it takes to compare; the measures themselves say how many more they need."""


def shift(measured: Measured, context: LadderContext) -> Similarity | None:
    """How far apart the two parts are, training samples as A; `None` where that cannot be told, which is said."""
    if not context.backbone.pools:
        return None
    split, rng = context.data.split, np.random.default_rng(context.seed)
    known = context.data.dataset.strata >= 0
    learned = split.train[known[split.train]]
    a, b = some_of(rng, learned, SAMPLES), some_of(rng, measured.indices, SAMPLES)
    if min(len(a), len(b)) < FEWEST:
        return None
    found = stored_features(context, np.concatenate([a, b]))
    if found is None:
        context.listener(Decided("training and test are not compared by features, which are not stored or do not fit"))
        return None
    groups = context.backbone.groups
    own = found[:, groups[-1].start : groups[-1].stop] if groups else found
    return compare_features(own[: len(a)], own[len(a) :], only=MEASURES, seed=context.seed)
