"""Series of the UCR archive that aeon brings, as a run has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from aeon.datasets import load_classification

from tests.engine.ladder.helpers import make_context
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import ClassTarget, Dataset, Sample, Series, Split
from warmstart.data.stores import store_of
from warmstart.data.targets import Label, Target
from warmstart.engine.data import RunData
from warmstart.engine.events import Listener, silent
from warmstart.engine.ladder.context import LadderContext
from warmstart.preprocess.series import SeriesSpec
from warmstart.task.base import task_of


def ucr(name: str) -> Dataset:
    """A set of the archive as it is divided there."""
    samples = []
    for part in ("train", "test"):
        values, labels = load_classification(name, split=part)
        rows = zip(values, labels, strict=True)
        samples += [Sample(f"{part}-{i}", Series(x), str(y), split=part) for i, (x, y) in enumerate(rows)]
    classes = tuple(sorted({str(sample.label) for sample in samples}))
    return Dataset(tuple(samples), ClassTarget(classes), name=name)


def of(values: Sequence[np.ndarray], labels: Sequence[Label], target: Target) -> Dataset:
    """A data set of series (channels, steps)."""
    rows = zip(values, labels, strict=True)
    return Dataset(tuple(Sample(f"row-{i}", Series(x), y) for i, (x, y) in enumerate(rows)), target, name="series")


def series_context(dataset: Dataset, split: Split, listener: Listener = silent) -> LadderContext:
    """A run on series; the network is unused."""
    source = dataset.samples[0].source
    spec = SeriesSpec(size=source.steps, channels=source.channels)
    data = RunData(dataset, split, store_of(dataset, spec), spec, ActivationStore(None, budget_bytes=1 << 20))
    context = make_context(data, listener=listener)
    context.task = task_of(dataset.target)
    return context


def by_part(dataset: Dataset, val: int = 0) -> Split:
    """The parts of the archive; `val` of the training samples are for validation."""
    parts = np.array([sample.split for sample in dataset.samples])
    train, test = np.flatnonzero(parts == "train"), np.flatnonzero(parts == "test")
    return Split(train[val:], train[:val], test, how="as the archive divides them")
