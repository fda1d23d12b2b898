"""Time series as a network reads them: brought to one length and scale, and kept so where all of them are small."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from warmstart.data.batches import Batch, batch_order
from warmstart.data.schema import Dataset, IntArray, Sample, Series
from warmstart.errors import DataError
from warmstart.preprocess.augment_series import augment
from warmstart.preprocess.series import SeriesSpec

BUDGET = 2**26
"""Bytes that the series of a data set may take to be kept as they are read; reading one again takes some 50 us."""
_AUGMENT = 1
"""What a generator is for, as `warmstart.data.batches` has it."""


class SeriesStore:
    """The series of a data set, as a spec says: what `PixelStore` is for images.

    Args:
        dataset: the samples; the source of each is a `Series` with as many channels as the spec has.
        spec: how they are read.
        budget_bytes: a data set that takes more is read anew each time it is asked for: windows of a file that is
            mapped into memory take none then, however many they are.
    """

    def __init__(self, dataset: Dataset, spec: SeriesSpec, *, budget_bytes: int = BUDGET) -> None:
        self.dataset, self.spec = dataset, spec
        self._targets: Tensor | None = None
        self._budget = budget_bytes
        shape = (len(dataset), spec.channels, spec.size)
        fits = 4 * math.prod(shape) <= budget_bytes
        self._kept = torch.empty(shape) if fits else None  # the system gives memory to what is written, and no sooner
        self._there = np.zeros(len(dataset) if fits else 0, dtype=bool)

    def targets(self, indices: IntArray) -> Tensor:
        """What a loss takes of the samples at `indices`, (n, ...)."""
        if self._targets is None:
            self._targets = torch.from_numpy(self.dataset.targets)
        return self._targets[torch.from_numpy(indices)]

    def get(self, i: int) -> Tensor:
        """Sample `i` as (channels, size), float32. The tensor may be the one that is kept: do not change it.

        Raises:
            DataError: it is no series, or has another number of channels.
        """
        i = range(len(self.dataset))[i]
        if self._kept is None:
            return read_series(self.dataset.samples[i], self.spec)
        if not self._there[i]:
            self._kept[i] = read_series(self.dataset.samples[i], self.spec)
            self._there[i] = True
        return self._kept[i]

    def rows(self, indices: Sequence[int] | IntArray) -> Tensor:
        """The samples at `indices` as (n, channels, size), float32."""
        found = [self.get(int(i)) for i in indices]
        return torch.stack(found) if found else torch.empty(0, self.spec.channels, self.spec.size)

    def holds(self, i: int) -> bool:
        """Whether sample `i` is kept."""
        return self._kept is not None and bool(self._there[i])

    def subset(self, indices: Sequence[int] | IntArray) -> SeriesStore:
        """The store of `dataset.subset(indices)`, with what is kept already."""
        chosen = np.asarray(indices, dtype=np.int64)
        other = SeriesStore(self.dataset.subset(chosen), self.spec, budget_bytes=self._budget)
        if self._kept is not None and other._kept is not None:
            other._there = self._there[chosen]
            other._kept[torch.from_numpy(other._there)] = self._kept[torch.from_numpy(chosen[other._there])]
        return other

    def batches(
        self,
        indices: Sequence[int] | IntArray,
        *,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        epoch: int = 0,
        augment: str = "none",
        skip: int = 0,
        order: Sequence[IntArray] | None = None,
    ) -> SeriesBatches:
        """Batches of series; the arguments are those of `ImageBatches`."""
        chosen = np.asarray(indices, dtype=np.int64)
        if order is None:
            order = batch_order(len(chosen), batch_size, shuffle, seed, epoch)
        return SeriesBatches(self, [chosen[positions] for positions in order][skip:], augment, seed, epoch)


class SeriesBatches:
    """Series (n, channels, size), float32; augmented by (seed, epoch, sample) alone."""

    def __init__(self, store: SeriesStore, batches: Sequence[IntArray], augment: str, seed: int, epoch: int) -> None:
        self._store, self._batches, self._augment = store, batches, augment
        self._seed, self._epoch = seed, epoch

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        for index in self._batches:
            inputs = torch.stack([self._seen(int(i)) for i in index])
            yield Batch(inputs, self._store.targets(index), torch.from_numpy(index))

    def _seen(self, i: int) -> Tensor:
        values = self._store.get(i)
        if self._augment == "none":
            return values
        rng = np.random.default_rng([self._seed, self._epoch, _AUGMENT, i])
        return torch.from_numpy(augment(values.numpy(), self._augment, rng))


def read_series(sample: Sample, spec: SeriesSpec) -> Tensor:
    """One series (channels, size) as a spec says. Raises `DataError` where it is none, or has other channels."""
    source = sample.source
    if not isinstance(source, Series):
        raise DataError(
            f"sample {sample.id!r} is no time series but a {type(source).__name__}",
            expected="time series, for a backbone that reads them",
            do="name a backbone for what the data are with --backbone",
        )
    try:
        return torch.from_numpy(spec.read(source.values))
    except ValueError as error:
        raise DataError(f"sample {sample.id!r}: {error}", expected="series of one number of channels") from error
