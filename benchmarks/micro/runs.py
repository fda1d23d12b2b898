"""A run on folders of images or texts with nothing stored and nothing decoded yet, for the parts that time recipes."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.datasets import Prepared
from warmstart.cache.store import ActivationStore
from warmstart.data.batches import PixelStore
from warmstart.data.schema import Dataset, Sample, Split
from warmstart.data.sources import load
from warmstart.data.stores import InputStore, store_of
from warmstart.engine.data import RunData
from warmstart.model.backbone import Backbone
from warmstart.model.network import Network
from warmstart.planning.plan import CacheLimits
from warmstart.preprocess.kinds import Spec
from warmstart.task.base import tasks


@contextlib.contextmanager
def fresh(prepared: Prepared, backbone: Backbone, size: int, limits: CacheLimits, *, test: bool) -> Iterator[RunData]:
    """The training samples, and the test samples in the place of validation if `test`; `size` in pixels or tokens."""
    train = load(prepared.root / "train")
    held_out: tuple[Sample, ...] = load(prepared.root / "test").samples if test else ()
    dataset = Dataset((*train.samples, *held_out), train.target, name=train.name)
    split = Split(np.arange(len(train)), np.arange(len(train), len(dataset)), np.arange(0), how="by folder")
    spec, store = _inputs(dataset, backbone, size, limits)
    with TemporaryDirectory() as folder:
        yield RunData(dataset, split, store, spec, ActivationStore(Path(folder)), limits)


def _inputs(dataset: Dataset, backbone: Backbone, size: int, limits: CacheLimits) -> tuple[Spec, InputStore]:
    if dataset.kind == "text":
        read = backbone.spec.with_size(size)
        return read, store_of(dataset, read)
    whole = dataclasses.replace(backbone.preprocess, size=size, resize="squash")  # the whole image, as `fit` has it
    return whole, PixelStore(dataset, whole, budget_bytes=limits.memory)


def network(backbone: Backbone, data: RunData) -> Network:
    """The backbone with a fresh head."""
    return Network(backbone, tasks["classify"].head(backbone.out_features, data.dataset.target, seed=0))
