"""The inputs of a data set, of whichever kind: what everybody asks of them who need not know the kind."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from warmstart.data.batches import ImageBatches
from warmstart.data.pixels import BUDGET, PixelStore
from warmstart.data.scenes import SceneTarget
from warmstart.data.scenestore import SceneStore
from warmstart.data.schema import Dataset, IntArray
from warmstart.data.signals import SeriesBatches, SeriesStore
from warmstart.data.tokens import TokenBatches, TokenStore
from warmstart.data.transfer import Onto
from warmstart.preprocess.image import normalised
from warmstart.preprocess.kinds import Spec
from warmstart.preprocess.series import SeriesSpec
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.text import TextSpec

InputStore = PixelStore | TokenStore | SeriesStore
InputBatches = ImageBatches | TokenBatches | SeriesBatches


def batches_of(store: InputStore, indices: Sequence[int] | IntArray, **how: Any) -> InputBatches:
    """Batches of the samples at `indices`. `how` are the arguments of `ImageBatches`; texts are not augmented."""
    if isinstance(store, TokenStore):
        of_images = ("augment", "workers", "raw")
        return store.batches(indices, **{key: value for key, value in how.items() if key not in of_images})
    if isinstance(store, SeriesStore):
        return store.batches(indices, **{key: value for key, value in how.items() if key not in ("workers", "raw")})
    return ImageBatches(store, indices, **how)


def batches_on(device: torch.device, store: InputStore, indices: Sequence[int] | IntArray, **how: Any) -> Onto:
    """`batches_of`, on a device. A GPU is sent pixels and normalises them itself; a CPU is given what it would be.

    >>> from warmstart.data.schema import ClassTarget, Sample
    >>> spec = PreprocessSpec(size=8)
    >>> data = Dataset((Sample("a", np.zeros((8, 8, 3), np.uint8), "x"),), ClassTarget(("x", "y")), name="one")
    >>> [tuple(b.inputs.shape) for b in batches_on(torch.device("cpu"), store_of(data, spec), [0], batch_size=4)]
    [(1, 3, 8, 8)]
    """
    raw = device.type != "cpu" and isinstance(store, PixelStore) and not store.spec.banded
    if not raw:
        return Onto(batches_of(store, indices, **how), device)
    spec = images_of(store).spec
    return Onto(batches_of(store, indices, raw=True, **how), device, lambda pixels: normalised(pixels, spec))


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
