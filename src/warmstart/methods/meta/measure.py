"""How well episodes are answered: of each episode the share of its queries that is right."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.feed import EVALUATED_AT_ONCE, Feed
from warmstart.engine.heads.base import Problem, closed_form
from warmstart.methods.meta.learner import Learner
from warmstart.methods.meta.protonet import nearest
from warmstart.model.modes import evaluating

Told = Callable[[int], None]
"""Hears of so many more episodes that are done."""
FROZEN = ("prototypes", "ridge")
"""Heads that are fitted on the features of each episode; a logistic one takes seven times as long as these."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """Of each episode (n,): the share of queries that is right, and the mean loss."""

    accuracy: npt.NDArray[np.float64]
    loss: npt.NDArray[np.float64]

    @classmethod
    def of(cls, answers: Sequence[Tensor], asked: Tensor) -> Measured:
        """Of logits (tasks, m, ways), batch by batch; `asked` (m,) is the class of each query."""
        logits = torch.cat([one.cpu() for one in answers])
        truth = asked.expand(len(logits), -1)
        right = (logits.argmax(2) == truth).double().mean(1)
        loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), truth, reduction="none").double().mean(1)
        return cls(right.numpy(), loss.numpy())


def features_of(learner: Learner, feed: Feed) -> Tensor:
    """Features (n, d) of all samples that `feed` holds out, each computed once; on the CPU."""
    places = np.arange(feed.held)
    batches = feed.held_out([places[i : i + EVALUATED_AT_ONCE] for i in range(0, len(places), EVALUATED_AT_ONCE)])
    with evaluating(learner.network), torch.no_grad():
        return torch.cat([learner.features(feed.lift(batch.inputs.to(feed.device))).cpu() for batch in batches])


def measured(learner: Learner, feed: Feed, order: Sequence[IntArray], told: Told = lambda _: None) -> Measured:
    """The method on the episodes of `order`, positions among the samples that `feed` holds out."""
    found = []
    with evaluating(learner.network), torch.no_grad():
        if learner.on_features:
            features = features_of(learner, feed)
            for rows in order:
                found.append(learner.from_features(features[torch.from_numpy(rows)].to(feed.device)))
                told(len(found[-1]))
        else:
            for batch in feed.held_out(order):
                found.append(learner.answers(feed.lift(batch.inputs.to(feed.device))))
                told(len(found[-1]))
    return Measured.of(found, learner.asked)


def frozen(
    learner: Learner, features: Tensor, order: Sequence[IntArray], head: str, told: Told = lambda _: None
) -> Measured:
    """A head that is fitted on the shots of each episode, on features (n, d) that stay as they are."""
    step, episode = learner.step, learner.episode
    labels = np.arange(step.ways).repeat(step.shots)
    found = []
    for batch in order:
        for rows in batch.reshape(-1, step.ways, episode.each):
            support = features[torch.from_numpy(rows[:, : step.shots].ravel())]
            queries = features[torch.from_numpy(rows[:, step.shots :].ravel())]
            if head == "prototypes":
                found.append(nearest(support, queries, step.ways)[None])
            else:
                found.append(closed_form[head](Problem.of(support, labels, step.ways)).logits(queries)[None])
            told(1)
    return Measured.of(found, learner.asked)
