"""Decoded and resized pixels, kept in memory while a budget lasts, so that no image is decoded twice."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from warmstart.data.names import reason
from warmstart.data.pool import in_order
from warmstart.data.scan import Look, look
from warmstart.data.schema import Dataset, IntArray, Sample
from warmstart.data.views import View
from warmstart.errors import WarmstartError
from warmstart.preprocess.bands import KEPT, Bands
from warmstart.preprocess.image import centre, decode_for, fit_size
from warmstart.preprocess.kinds import Spec
from warmstart.preprocess.reader import Decoded
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import header_of

BUDGET = 2 * 2**30
_MAPPED = 1024
"""Bytes that the objects around an image take whose pixels are mapped."""


class Shelf(Protocol):
    """Where pixels outlast a run, with the look at each image; see `warmstart.cache.shelf`."""

    def get(self, sample: Sample, /) -> tuple[Tensor, Look] | None:
        """Uncropped pixels (C, H, W), not to be changed, and the look; `None` if they are not there."""
        ...

    def put(self, sample: Sample, pixels: Tensor, look: Look, /) -> None:
        """Keep what was read of a sample, now or at the next `flush`."""
        ...

    def flush(self) -> None:
        """Write what waits."""
        ...


def value_bytes(dataset: Dataset, spec: Spec) -> int:
    """Bytes of a value as it is kept: 1 of pictures, of bands as the first file that can be read has them."""
    if isinstance(spec, PreprocessSpec) and spec.banded:
        for sample in dataset.samples:
            with contextlib.suppress(WarmstartError):
                dtype = header_of(sample.source, spec.channels).dtype
                return np.dtype(dtype).itemsize if dtype in KEPT else np.dtype(np.float32).itemsize
    return 1


class PixelStore:
    """Images of a data set, resized as a spec says. Safe to use from several threads.

    Pictures are uint8; bands keep the type they are stored with, and take as many bytes of the budget.

    An image is kept uncropped, since its centre crop can be cut from that exactly and a random crop cannot be made of
    less.

    Args:
        dataset: the samples.
        spec: how they are resized.
        budget_bytes: memory for kept images. Once it is spent, further ones are decoded each time they are asked for:
            slower, and the same pixels.
        shelf: what is there is not decoded and takes nothing of the budget; what `preload` decodes is put there.
    """

    def __init__(
        self, dataset: Dataset, spec: PreprocessSpec, *, budget_bytes: int = BUDGET, shelf: Shelf | None = None
    ) -> None:
        self.dataset, self.spec, self._shelf = dataset, spec, shelf
        self._targets: Tensor | None = None
        self._left = budget_bytes
        self._kept: dict[int, Tensor] = {}
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which reads for itself what it needs."""
        return {name: value for name, value in vars(self).items() if name not in ("_lock", "_kept")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _kept={}, _lock=threading.Lock())

    def targets(self, indices: IntArray, view: View | None = None) -> Tensor:
        """What a loss takes of the samples at `indices`, (n, ...), as evaluation sees them or in a view."""
        if self._targets is None:
            self._targets = torch.from_numpy(self.dataset.targets)
        return self._targets[torch.from_numpy(indices)]

    def marked(self, i: int, view: View | None = None) -> Tensor | None:
        """What is marked in sample `i`, in a view; `None` where a target is that of any view."""
        return None

    def collated(self, indices: IntArray, marked: Sequence[Tensor | None]) -> Tensor:
        """The targets of samples of which `marked` was read already."""
        return self.targets(indices)

    def get(self, i: int, crop: bool = True) -> Tensor:
        """Sample `i` as (C, H, W), uint8 of a picture: the centre `spec.size` x `spec.size`, or uncropped.

        The tensor may be the one that is kept: do not change it.

        Raises:
            ImageError: it cannot be read; names it.
        """
        i = range(len(self.dataset))[i]
        pixels = self._kept.get(i)
        if pixels is None and (found := self._shelved(i)) is not None:
            pixels = found[0]
        if pixels is None:
            pixels = self.put(i, decode_for(self.dataset.samples[i].source, self.spec))
        return centre(pixels, self.spec.size) if crop else pixels

    def put(self, i: int, image: Decoded | Bands) -> Tensor:
        """Resize an image that was read already, keep it while the budget lasts, and return it uncropped."""
        pixels = fit_size(image, self.spec, crop=False)
        with self._lock:
            if i not in self._kept and pixels.nbytes <= self._left:
                self._kept[i] = pixels
                self._left -= pixels.nbytes
        return pixels

    def _shelved(self, i: int) -> tuple[Tensor, Look] | None:
        found = None if self._shelf is None else self._shelf.get(self.dataset.samples[i])
        with self._lock:
            if found is not None and self._left >= _MAPPED:
                self._kept[i] = found[0]  # mapped from the disk: memory that the system takes back when it needs some
                self._left -= _MAPPED
        return found

    def holds(self, i: int) -> bool:
        """Whether sample `i` is kept, so that `get` does not decode."""
        return i in self._kept

    def preload(
        self,
        indices: Iterable[int],
        *,
        workers: int = 2,
        progress: Callable[[int], None] | None = None,
    ) -> list[Look]:
        """Decode these samples, keep what the budget allows, and return a look at each; one that cannot be read has an
        error.

        Every image that is not on the shelf is decoded, also when there is no room to keep it.

        Args:
            indices: samples of the data set.
            workers: threads that decode; 0 does it in the caller's.
            progress: is called with 1 after each sample, in the caller's thread.
        """
        looks: list[Look] = []
        try:
            for found in in_order(self._read, (int(i) for i in indices), workers=workers):
                looks.append(found)
                if progress is not None:
                    progress(1)
        finally:  # also of a run that is interrupted
            if self._shelf is not None:
                self._shelf.flush()
        return looks

    def _read(self, i: int) -> Look:
        found = self._shelved(i)
        if found is not None:
            return found[1]
        sample = self.dataset.samples[i]
        source = sample.source
        try:
            image = decode_for(source, self.spec)
        except WarmstartError as error:
            return Look(error=reason(error, source))
        pixels, seen = self.put(i, image), look(source, image)
        if self._shelf is not None:
            self._shelf.put(sample, pixels, seen)
        return seen

    @property
    def left(self) -> int:
        """Bytes that further images may take."""
        return self._left

    def subset(self, indices: Sequence[int] | IntArray) -> PixelStore:
        """The store of `dataset.subset(indices)`, with the pixels that are kept already, and what is left of the
        budget.
        """
        chosen = [int(i) for i in indices]
        other = PixelStore(self.dataset.subset(chosen), self.spec, budget_bytes=self._left, shelf=self._shelf)
        with self._lock:
            other._kept = {new: self._kept[old] for new, old in enumerate(chosen) if old in self._kept}
        return other
