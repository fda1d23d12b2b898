"""A run on PNG folders with nothing stored and nothing decoded yet, for the parts that time recipes."""

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
from warmstart.engine.data import RunData
from warmstart.model.backbone import Backbone
from warmstart.model.network import Network
from warmstart.planning.plan import CacheLimits
from warmstart.task.base import tasks


@contextlib.contextmanager
def fresh(prepared: Prepared, backbone: Backbone, size: int, limits: CacheLimits, *, test: bool) -> Iterator[RunData]:
    """The training images, and the test images in the place of validation if `test`."""
    train = load(prepared.root / "train")
    held_out: tuple[Sample, ...] = load(prepared.root / "test").samples if test else ()
    dataset = Dataset((*train.samples, *held_out), train.target, name=train.name)
    split = Split(np.arange(len(train)), np.arange(len(train), len(dataset)), np.arange(0), how="by folder")
    spec = dataclasses.replace(backbone.preprocess, size=size, resize="squash")  # the whole image, as `fit` has it
    with TemporaryDirectory() as folder:
        store = PixelStore(dataset, spec, budget_bytes=limits.memory)
        yield RunData(dataset, split, store, spec, ActivationStore(Path(folder)), limits)


def network(backbone: Backbone, data: RunData) -> Network:
    """The backbone with a fresh head."""
    return Network(backbone, tasks["classify"].head(backbone.out_features, data.dataset.target, seed=0))
