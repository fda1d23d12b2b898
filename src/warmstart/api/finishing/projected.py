"""The picture of what the network holds to be alike, from activations that the run has stored already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.ladder.contender import Member
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.seeds import some_of
from warmstart.evaluation.outcome import Point, Projection
from warmstart.evaluation.projection import FEW, POINTS, project

AFFORDABLE = 6e10
"""Operations that a picture may cost: two or three seconds of a laptop."""
OWN, FROZEN = "the final model", "the pretrained network (which was left as it is)"
BEFORE = "the pretrained network (before it was tuned)"


def projection(
    context: LadderContext, member: Member, part: Literal["val", "test"], indices: IntArray, outputs: Tensor
) -> Projection | None:
    """Training samples and those at `indices`, which `outputs` (n, classes) belong to, 300 of each at most.

    They are drawn at random, so that the share of mistakes in the picture is about that in the data. `None` where there
    are too few, or where their features would have to be computed and that would take long.
    """
    if context.task.name != "classify":  # the colours of the picture are classes
        return None
    rng = np.random.default_rng(context.seed)
    labels = context.data.dataset.labels
    answers = dict(zip(indices.tolist(), outputs.argmax(1).tolist(), strict=True))
    train, other = (some_of(rng, some[labels[some] >= 0], POINTS // 2) for some in (context.data.split.train, indices))
    every = np.concatenate([train, other])
    found = _features(context, member, every) if len(every) >= FEW else None
    if found is None:
        return None
    features, network = found
    places, method = project(features.flatten(1).numpy(), seed=context.seed)
    samples = context.data.dataset.samples
    points = tuple(
        Point(
            samples[i].id,
            round(float(x), 3),
            round(float(y), 3),
            part if i in answers else "train",
            int(labels[i]),
            answers.get(i),
        )
        for i, (x, y) in zip(every.tolist(), places, strict=True)
    )
    return Projection(method, network, points)


def _features(context: LadderContext, member: Member, indices: IntArray) -> tuple[Tensor, str] | None:
    """Pooled features (n, d) and whose they are: the final model's where that is cheap, else the pretrained ones."""
    for source, whose in _sources(context, member):
        if context.operations(source, indices) <= AFFORDABLE:
            return context.features(source, indices).float(), whose
    return None


def _sources(context: LadderContext, member: Member) -> Iterator[tuple[Member, str]]:
    last = len(context.backbone.chain) - 1
    yield member, OWN if member.cut < last else FROZEN
    if member.cut < last:
        yield Member(context.network(), last, member.recipe), BEFORE
