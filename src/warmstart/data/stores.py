"""The inputs of a data set, of whichever kind: what everybody asks of them who need not know the kind."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from warmstart.data.batches import ImageBatches
from warmstart.data.pixels import BUDGET, PixelStore
from warmstart.data.scenes import SceneTarget
from warmstart.data.scenestore import SceneStore
from warmstart.data.schema import Dataset, IntArray
from warmstart.data.signals import SeriesBatches, SeriesStore
from warmstart.data.tokens import TokenBatches, TokenStore
from warmstart.preprocess.kinds import Spec
from warmstart.preprocess.series import SeriesSpec
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.text import TextSpec

InputStore = PixelStore | TokenStore | SeriesStore
InputBatches = ImageBatches | TokenBatches | SeriesBatches


def batches_of(store: InputStore, indices: Sequence[int] | IntArray, **how: Any) -> InputBatches:
    """Batches of the samples at `indices`. `how` are the arguments of `ImageBatches`; texts are not augmented."""
    if isinstance(store, TokenStore):
        return store.batches(indices, **{key: value for key, value in how.items() if key not in ("augment", "workers")})
    if isinstance(store, SeriesStore):
        return store.batches(indices, **{key: value for key, value in how.items() if key != "workers"})
    return ImageBatches(store, indices, **how)


def lengths_of(store: InputStore, indices: IntArray) -> IntArray | None:
    """How long each sample is (n,); `None` where all are of one size."""
    return store.lengths[indices] if isinstance(store, TokenStore) else None


def computing_order(store: InputStore, indices: IntArray) -> IntArray:
    """Positions of `indices` in the order in which they are computed fastest: inputs of much the same length together,
    the longest first.
    """
    lengths = lengths_of(store, indices)
    return np.arange(len(indices)) if lengths is None else np.argsort(-lengths, kind="stable")


def resized(store: InputStore, dataset: Dataset, spec: Spec, budget_bytes: int = BUDGET) -> InputStore:
    """A store of a data set at another size, with what `store` knows of it at any size."""
    if isinstance(store, SceneStore) and isinstance(spec, PreprocessSpec) and store.dataset is dataset:
        return store.resized(spec, budget_bytes)
    return store_of(dataset, spec, budget_bytes)


def relabelled(store: InputStore, dataset: Dataset) -> InputStore:
    """The store of the same samples with other labels: it shares what is read of them."""
    found = copy.copy(store)
    found.dataset, found._targets = dataset, None
    return found


def store_of(dataset: Dataset, spec: Spec, budget_bytes: int = BUDGET) -> InputStore:
    """A store of a data set, read as a spec says; nothing is read yet. Images are held up to `budget_bytes`."""
    if isinstance(spec, SeriesSpec):
        return SeriesStore(dataset, spec)
    if isinstance(spec, TextSpec):
        return TokenStore(dataset, spec)
    store = SceneStore if isinstance(dataset.target, SceneTarget) else PixelStore
    return store(dataset, spec, budget_bytes=budget_bytes)


def images_of(store: InputStore) -> PixelStore:
    """The store, which must be one of images."""
    assert isinstance(store, PixelStore), "asked of images alone"
    return store


def series_of(store: InputStore) -> SeriesStore:
    """The store, which must be one of time series."""
    assert isinstance(store, SeriesStore), "asked of time series alone"
    return store
