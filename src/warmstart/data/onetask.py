"""One of several tasks by itself: the same samples, with its labels alone."""

from __future__ import annotations

import dataclasses
from typing import cast

import numpy as np

from warmstart.data.schema import Dataset, Split
from warmstart.data.several import SeveralTarget
from warmstart.data.tasklabels import TaskLabels


def one_task(dataset: Dataset, name: str) -> Dataset:
    """The data set of the task called `name`; samples that have no label of it stay, without one.

    >>> from warmstart.data.sources import load
    >>> texts = ["It rains.", "It is dry.", "Sun!"]
    >>> data = load((texts, {"sky": ["wet", "dry", "dry"], "c": [9.5, None, 21.5]}), task="sky=classify,c=regress")
    >>> [sample.label for sample in one_task(data, "c").samples]
    [(9.5,), None, (21.5,)]
    """
    target = cast(SeveralTarget, dataset.target)
    labels = (None if s.label is None else cast(TaskLabels, s.label)[name] for s in dataset.samples)
    samples = tuple(dataclasses.replace(s, label=label) for s, label in zip(dataset.samples, labels, strict=True))
    return dataclasses.replace(dataset, samples=samples, target=dict(target.parts)[name])


def known_split(dataset: Dataset, split: Split) -> Split:
    """The parts of `split` without the samples that have no label."""
    known = np.array([sample.label is not None for sample in dataset.samples])
    train, val, test = (part[known[part]] for part in (split.train, split.val, split.test))
    return dataclasses.replace(split, train=train, val=val, test=test)
