"""Batches of images or of stored activations. What is in a batch depends only on (seed, epoch, sample).

The two kinds share one permutation, so training from stored activations sees the same batches as training from images.
Threads decode ahead; how many there are changes the time, and nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from warmstart.data.pixels import PixelStore
from warmstart.data.pool import in_order
from warmstart.data.schema import IntArray
from warmstart.data.views import View
from warmstart.preprocess.augment import augment as augmented
from warmstart.preprocess.image import normalise_into

__all__ = ["ActivationBatches", "Batch", "ImageBatches", "PixelStore", "batch_order"]

_Values = npt.NDArray[Any]
_Place = tuple[_Values, int, int]
"""A batch, the row in it, and the sample that belongs there."""
_Filled = tuple[_Values, Tensor | None]
"""A batch with one more row, and what is marked in the image of this row."""
_AHEAD = 2
"""Batches that are decoded while one is computed with."""
_POOL = 16
"""Batches whose samples are sorted by length together: padding is a few per cent then, and chance is left."""
_ORDER = 0
"""What a generator is for: the order and the augmentation (`warmstart.data.views`) draw from streams of their own."""


@dataclasses.dataclass(frozen=True)
class Batch:
    """`inputs` float32 (n, ...), `targets` (n, ...) as the target has them, `index` int64 (n,) into the data set.

    `whole`: how many samples the batch has, where this is the share of one process of several.
    Inputs that are normalised elsewhere are uint8.
    """

    inputs: Tensor
    targets: Tensor
    index: Tensor
    whole: int | None = None

    @property
    def samples(self) -> int:
        """Of the whole batch."""
        return len(self.index) if self.whole is None else self.whole


def batch_order(
    n: int, batch_size: int, shuffle: bool, seed: int, epoch: int, lengths: IntArray | None = None
) -> list[IntArray]:
    """Positions 0..n-1 in batches; shuffled by (seed, epoch), or in order.

    When shuffled, which is for training, a last batch of a single sample is merged into the one before: one sample has
    no variance, and batch normalisation fails on it or learns nonsense. With `lengths` (n,) the samples of a batch are
    of much the same length: of every `_POOL` batches that chance put together, the samples are sorted by length, and
    the batches shuffled.

    >>> [len(b) for b in batch_order(9, 4, True, 0, 0)], [len(b) for b in batch_order(9, 4, False, 0, 0)]
    ([4, 5], [4, 4, 1])
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    order: IntArray = np.arange(n, dtype=np.int64)
    if shuffle:
        rng = np.random.default_rng([seed, epoch, _ORDER])
        order = rng.permutation(order)
        if lengths is not None:
            return _bucketed(order, batch_size, lengths, rng)
    batches = [order[i : i + batch_size] for i in range(0, n, batch_size)]
    return _merged(batches) if shuffle and batch_size > 1 else batches


def _merged(batches: list[IntArray]) -> list[IntArray]:
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches


def _bucketed(order: IntArray, batch_size: int, lengths: IntArray, rng: np.random.Generator) -> list[IntArray]:
    pools = [order[i : i + _POOL * batch_size] for i in range(0, len(order), _POOL * batch_size)]
    near = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools]) if pools else order
    batches = [near[i : i + batch_size] for i in range(0, len(near), batch_size)]
    batches = _merged(batches) if batch_size > 1 else batches
    return [batches[i] for i in rng.permutation(len(batches))]


class ImageBatches:
    """Normalised images (n, C, size, size), float32, channels last in memory; or, `raw`, their pixels.

    Args:
        store: the pixels.
        indices: samples of its data set.
        batch_size: images in a batch.
        shuffle: whether to shuffle, for training, rather than to keep the order of `indices`.
        seed: of order and augmentation, with `epoch`.
        epoch: another one gives another order and other augmentation.
        augment: name of an augmentation; "none" is what evaluation sees.
        workers: threads that decode ahead; 0 does it in the caller's.
        skip: batches to leave out at the start, to go on in the middle of an epoch.
        order: positions in `indices`, batch by batch, where they are not to be those of `batch_order`.
        raw: leave pictures as they were decoded, uint8, in pinned memory, for a GPU that normalises them: a quarter of
            the bytes travel. Bands, whose values are of any type, are normalised here all the same.

    Iterating raises `ImageError`, which names the image, when one cannot be read.
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
        order: Sequence[IntArray] | None = None,
        raw: bool = False,
    ) -> None:
        self._raw = raw and not store.spec.banded
        self._store, self._view = store, None if augment == "none" else View(augment, seed, epoch)
        chosen = np.asarray(indices, dtype=np.int64)
        order = batch_order(len(chosen), batch_size, shuffle, seed, epoch) if order is None else order
        self._batches = [chosen[b] for b in order][skip:]
        # Threads cost more than they save where there is nothing to decode and nothing to augment.
        ready = augment == "none" and all(store.holds(int(i)) for i in chosen)
        self._workers = 0 if ready else workers
        self._ahead = _AHEAD * batch_size

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        buffers = in_order(self._fill, self._places(), workers=self._workers, ahead=self._ahead)
        try:
            for index in self._batches:
                filled = [next(buffers) for _ in index]  # of each image the batch that it is written into
                inputs = torch.as_tensor(filled[0][0]).permute(0, 3, 1, 2)
                targets = self._store.collated(index, [marked for _, marked in filled])
                yield Batch(inputs, targets, torch.from_numpy(index))
        finally:
            buffers.close()

    def _places(self) -> Iterator[_Place]:
        """Where each image goes: a batch is there in memory as soon as its first image is begun."""
        spec = self._store.spec
        for index in self._batches:
            shape = (len(index), spec.size, spec.size, spec.channels)
            buffer = _pinned(shape) if self._raw else np.empty(shape, np.float32)
            yield from ((buffer, row, int(i)) for row, i in enumerate(index))

    def _fill(self, place: _Place) -> _Filled:
        """Read, augment and normalise one image, and what is marked in it, all in the thread that decodes."""
        buffer, row, i = place
        if self._raw:
            buffer[row] = self._image(i).numpy().transpose(1, 2, 0)
        else:
            normalise_into(buffer[row], self._image(i), self._store.spec)
        return buffer, self._store.marked(i, self._view)

    def _image(self, i: int) -> Tensor:
        if self._view is None:
            return self._store.get(i)
        spec, rng = self._store.spec, self._view.generator(i)
        return augmented(self._store.get(i, crop=False), self._view.augment, spec.size, rng, banded=spec.banded)


def _pinned(shape: tuple[int, ...]) -> _Values:
    """Room for pixels, which a GPU can fetch by itself; torch gives it to others when no copy needs it any more."""
    array: _Values = torch.empty(shape, dtype=torch.uint8, pin_memory=torch.cuda.is_available()).numpy()
    return array


class Rows(Protocol):
    """n rows that can be read by position: a tensor, or something that reads them when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, positions: Tensor, /) -> Tensor: ...


class ActivationBatches:
    """The batches of `ImageBatches` with the same arguments, of stored activations.

    Args:
        activations: (n, ...); row k belongs to sample `indices[k]`.
        targets: of the samples, (n, ...), all of them or read when they are asked for.
        indices: the samples.
        batch_size: rows in a batch.
        shuffle: as `ImageBatches` has it.
        seed: of the order, with `epoch`.
        epoch: another one gives another order.
        skip: batches to leave out at the start.
        lengths: of the samples (n,), where they have any: batches are then of much the same length, and rows are given
            as far as the longest of them goes.
        order: as `ImageBatches` has it.
    """

    def __init__(
        self,
        activations: Rows,
        targets: Rows,
        indices: Sequence[int] | IntArray,
        *,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        epoch: int = 0,
        skip: int = 0,
        lengths: IntArray | None = None,
        order: Sequence[IntArray] | None = None,
    ) -> None:
        self._activations, self._targets, self._lengths = activations, targets, lengths
        self._indices = torch.from_numpy(np.array(indices, dtype=np.int64))
        if not len(activations) == len(targets) == len(self._indices):
            raise ValueError(f"{len(activations)} activations, {len(targets)} targets, {len(self._indices)} indices")
        order = batch_order(len(self._indices), batch_size, shuffle, seed, epoch, lengths) if order is None else order
        self._batches = list(order)[skip:]

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        for positions in self._batches:
            rows = torch.from_numpy(positions)
            inputs = self._activations[rows]
            if self._lengths is not None and inputs.ndim == 3:
                inputs = inputs[:, : int(self._lengths[positions].max())]
            if inputs.ndim == 4:  # about twice as fast for convolutions on a CPU
                inputs = inputs.contiguous(memory_format=torch.channels_last)
            yield Batch(inputs, self._targets[rows], self._indices[rows])
