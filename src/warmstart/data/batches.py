"""Batches of images or of stored activations. What is in a batch depends only on (seed, epoch, sample).

The two kinds share one permutation, so training from stored activations sees the same batches as training from images,
and their losses can be compared step by step. Threads decode ahead; their number changes nothing but the time.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from warmstart.data.pixels import PixelStore
from warmstart.data.schema import IntArray
from warmstart.preprocess.augment import augment as augmented
from warmstart.preprocess.image import normalise

__all__ = ["ActivationBatches", "Batch", "ImageBatches", "PixelStore", "batch_order"]

AHEAD = 3  # batches being decoded while one is computed with


@dataclasses.dataclass(frozen=True)
class Batch:
    """`inputs` float32 (n, ...), `targets` int64 (n,) with -1 where unknown, `index` int64 (n,) into the data set."""

    inputs: Tensor
    targets: Tensor
    index: Tensor


def batch_order(n: int, batch_size: int, shuffle: bool, seed: int, epoch: int) -> list[IntArray]:
    """Positions 0..n-1 in batches. When shuffled for training, a last batch of one is merged into the one before.

    A batch of one has no variance, and batch normalisation fails on it.

    >>> [len(b) for b in batch_order(9, 4, True, 0, 0)]
    [4, 5]
    """
    order = np.random.default_rng([seed, epoch]).permutation(n) if shuffle else np.arange(n)
    batches = [order[i : i + batch_size].astype(np.int64) for i in range(0, n, batch_size)]
    if shuffle and len(batches) > 1 and len(batches[-1]) == 1:
        last = batches.pop()
        batches[-1] = np.concatenate([batches[-1], last])
    return batches


class ImageBatches:
    """Normalised images, channels last.

    Args:
        store: the pixels.
        indices: samples of its data set.
        batch_size: images in a batch.
        shuffle: in the order of (seed, epoch) rather than as given.
        seed, epoch: of order and augmentation.
        augment: name of an augmentation; "none" is what evaluation sees.
        workers: decoding threads; 0 decodes in the caller's thread.
        skip: batches to leave out at the start, for going on in the middle of an epoch.
    """

    def __init__(
        self,
        store: PixelStore,
        indices: Sequence[int] | IntArray,
        *,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        epoch: int = 0,
        augment: str = "none",
        workers: int = 2,
        skip: int = 0,
    ) -> None:
        self._store, self._augment, self._seed, self._epoch, self._workers = store, augment, seed, epoch, workers
        chosen, labels = np.asarray(indices, dtype=np.int64), store.dataset.labels
        self._batches = [chosen[b] for b in batch_order(len(chosen), batch_size, shuffle, seed, epoch)][skip:]
        self._labels = labels

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        if self._workers == 0:
            for index in self._batches:
                yield self._collate(index, [self._image(int(i)) for i in index])
            return
        pool = ThreadPoolExecutor(self._workers)
        waiting: deque[tuple[IntArray, list[Future[Tensor]]]] = deque()
        try:
            for index in self._batches:
                waiting.append((index, [pool.submit(self._image, int(i)) for i in index]))
                if len(waiting) > AHEAD:
                    yield self._first(waiting)
            while waiting:
                yield self._first(waiting)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _first(self, waiting: deque[tuple[IntArray, list[Future[Tensor]]]]) -> Batch:
        index, futures = waiting.popleft()
        return self._collate(index, [future.result() for future in futures])

    def _image(self, i: int) -> Tensor:
        if self._augment == "none":
            return self._store.get(i, crop=True)
        rng = np.random.default_rng([self._seed, self._epoch, i])
        return augmented(self._store.get(i, crop=False), self._augment, self._store.spec.size, rng)

    def _collate(self, index: IntArray, images: list[Tensor]) -> Batch:
        inputs = normalise(torch.stack(images), self._store.spec)
        return Batch(inputs, torch.from_numpy(self._labels[index]), torch.from_numpy(index))


class ActivationBatches:
    """The same batches as `ImageBatches`, of rows of `activations` (n, ...); row k belongs to sample `indices[k]`."""

    def __init__(
        self,
        activations: Tensor,
        targets: Tensor,
        indices: Sequence[int] | IntArray,
        *,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        epoch: int = 0,
        skip: int = 0,
    ) -> None:
        self._activations, self._targets = activations, targets
        self._indices = torch.from_numpy(np.asarray(indices, dtype=np.int64))
        self._batches = batch_order(len(self._indices), batch_size, shuffle, seed, epoch)[skip:]

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        for positions in self._batches:
            at = torch.from_numpy(positions)
            inputs = self._activations[at]
            if inputs.ndim == 4:
                inputs = inputs.contiguous(memory_format=torch.channels_last)
            yield Batch(inputs, self._targets[at], self._indices[at])
