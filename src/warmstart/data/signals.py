"""Time series as a network reads them: brought to one length and scale once, kept in memory while a budget lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from warmstart.data.batches import Batch, batch_order
from warmstart.data.schema import Dataset, IntArray, Sample, Series
from warmstart.errors import DataError
from warmstart.preprocess.augment_series import augment
from warmstart.preprocess.series import SeriesSpec

BUDGET = 2**28
"""Bytes of series that are kept as they are read; reading one again takes some 50 microseconds."""
_AUGMENT = 1
"""What a generator is for, as `warmstart.data.batches` has it."""


class SeriesStore:
    """The series of a data set, as a spec says: what `PixelStore` is for images.

    Args:
        dataset: the samples; the source of each is a `Series` with as many channels as the spec has.
        spec: how they are read.
        budget_bytes: memory for series as they are read. What there is no room for is read each time it is asked for:
            a window of a file that is mapped into memory takes none.
    """

    def __init__(self, dataset: Dataset, spec: SeriesSpec, *, budget_bytes: int = BUDGET) -> None:
        self.dataset, self.spec = dataset, spec
        self._targets: Tensor | None = None
        self._kept: dict[int, Tensor] = {}
        self._left = budget_bytes

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
        found = self._kept.get(i)
        if found is None:
            found = read_series(self.dataset.samples[i], self.spec)
            if found.nbytes <= self._left:
                self._kept[i] = found
                self._left -= found.nbytes
        return found

    def rows(self, indices: Sequence[int] | IntArray) -> Tensor:
        """The samples at `indices` as (n, channels, size), float32."""
        found = [self.get(int(i)) for i in indices]
        return torch.stack(found) if found else torch.empty(0, self.spec.channels, self.spec.size)

    def preload(self, progress: Callable[[int], None] | None = None) -> None:
        """Read the samples that there is room for; `progress` is called with 1 after each."""
        for i in range(len(self.dataset)):
            if self._left > 0:
                self.get(i)
            if progress is not None:
                progress(1)

    def holds(self, i: int) -> bool:
        """Whether sample `i` is kept."""
        return i in self._kept

    def subset(self, indices: Sequence[int] | IntArray) -> SeriesStore:
        """The store of `dataset.subset(indices)`, with what is kept already."""
        chosen = [int(i) for i in indices]
        other = SeriesStore(self.dataset.subset(chosen), self.spec, budget_bytes=self._left)
        other._kept = {new: self._kept[old] for new, old in enumerate(chosen) if old in self._kept}
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
