"""Time series as a run works on them: for a backbone of as many channels, brought to one length, and looked at."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np

from warmstart.data.audit import Look
from warmstart.data.schema import Dataset, Series
from warmstart.data.seriesscan import read_looks
from warmstart.data.signals import SeriesStore
from warmstart.engine.events import Advanced, Decided, Finished, Listener, Started
from warmstart.errors import DataError, RecipeError
from warmstart.model.adaptation import adapted
from warmstart.model.backbone import Backbone
from warmstart.model.uri import Uri
from warmstart.preprocess.kinds import of_series
from warmstart.preprocess.series import SeriesSpec

LONGEST = 1024
"""Steps that a network of any length reads by default, at most."""


def for_channels(backbone: Backbone, dataset: Dataset) -> Backbone:
    """The backbone for series of as many channels as these have.

    Raises:
        DataError: they have different numbers of channels, or there is none.
    """
    counts = Counter(s.source.channels for s in dataset.samples if isinstance(s.source, Series))
    if len(counts) != 1:
        found = ", ".join(f"{n} of {channels}" for channels, n in counts.most_common())
        raise DataError(
            f"series of different numbers of channels: {found}" if counts else "no time series",
            expected="series of one number of channels",
            do="leave out the others, or give each channel as a series of its own",
        )
    (channels,) = counts
    if channels == of_series(backbone.spec).channels:
        return backbone
    wanted = dataclasses.replace(Uri.of(backbone.card.name), channels=channels)
    return adapted(backbone.clone(), wanted, drawn=None if wanted.pretrained else 0)


def read_all_series(
    dataset: Dataset, backbone: Backbone, size: int | None, listener: Listener
) -> tuple[SeriesStore, list[Look]]:
    """Read every series once. What is no series has an error in its look."""
    listener(Started("read", len(dataset)))
    looks = read_looks(dataset, lambda n: listener(Advanced("read", n)))
    listener(Finished("read"))
    spec = sized(backbone, dataset, size)
    lengths = np.array([s.source.steps for s in dataset.samples if isinstance(s.source, Series)], dtype=np.int64)
    if other := int((lengths != spec.size).sum()):
        span = f"{lengths.min()} to {lengths.max()}" if lengths.min() < lengths.max() else f"{lengths.min()}"
        how = "resampled" if spec.lengths == "resample" else "padded behind, or cut off before,"
        listener(Decided(f"{other} of {len(dataset)} series ({span} steps) are {how} to {spec.size} steps"))
    return SeriesStore(dataset, spec), looks


def sized(backbone: Backbone, dataset: Dataset, size: int | None) -> SeriesSpec:
    """How series are read: at `size` steps; without it at the backbone's own if it takes no other, else at the length
    of the longest, but `LONGEST` at most.

    Raises:
        RecipeError: the backbone does not take series of `size` steps.
    """
    spec, card = of_series(backbone.spec), backbone.card
    most = spec.limit or max(LONGEST, size or 0)
    if size is not None and not card.min_size <= size <= most:
        raise RecipeError(
            f"size {size} for series", expected=f"{card.min_size} to {most} steps, which {card.name} takes"
        )
    if size is not None or card.fixed_size:
        return spec.with_size(size or spec.size)
    longest = max((s.source.steps for s in dataset.samples if isinstance(s.source, Series)), default=spec.size)
    return spec.with_size(min(max(longest, card.min_size), most))
