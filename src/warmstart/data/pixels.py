"""Decoded and resized pixels, kept in memory while a budget lasts, so that no image is decoded twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from PIL import Image
from torch import Tensor

from warmstart.data.schema import Dataset
from warmstart.errors import ImageError
from warmstart.preprocess.image import fit_size
from warmstart.preprocess.reader import read_image
from warmstart.preprocess.spec import PreprocessSpec

BUDGET = 2 * 2**30


class PixelStore:
    """uint8 images of a data set at the size of a spec. Safe to use from several threads.

    Args:
        dataset: the samples.
        spec: how they are resized.
        budget_bytes: memory for stored images; beyond it they are decoded anew each time, which is slower and the same.
    """

    def __init__(self, dataset: Dataset, spec: PreprocessSpec, *, budget_bytes: int = BUDGET) -> None:
        self.dataset, self.spec = dataset, spec
        self._left = budget_bytes
        self._kept: dict[int, Tensor] = {}
        self._lock = threading.Lock()

    def get(self, i: int, crop: bool = True) -> Tensor:
        """Sample `i` as uint8 (C, H, W); with `crop` it is `spec.size` square, without it may be larger (see `fit_size`).

        Raises `ImageError` if it cannot be read. The tensor is shared: do not change it.
        """
        with self._lock:
            found = self._kept.get(i)
        if found is None:
            found = fit_size(read_image(self.dataset.samples[i].source), self.spec, crop=False)
            self._keep(i, found)
        return _centre(found, self.spec.size) if crop else found

    def preload(
        self,
        indices: Iterable[int],
        *,
        workers: int = 2,
        inspect: Callable[[int, Image.Image], None] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[tuple[int, str]]:
        """Decode these samples now; returns those that cannot be read, with the reason.

        `inspect` is given each image as it was read, before resizing, from any thread.
        """

        def decode(i: int) -> tuple[int, str] | None:
            try:
                image = read_image(self.dataset.samples[i].source)
            except ImageError as error:
                return i, error.found
            self._keep(i, fit_size(image, self.spec, crop=False))
            if inspect is not None:
                inspect(i, image)
            return None

        failures: list[tuple[int, str]] = []
        with ThreadPoolExecutor(max(1, workers)) as pool:
            for failure in pool.map(decode, indices):
                if failure is not None:
                    failures.append(failure)
                if progress is not None:
                    progress(1)
        return failures

    def subset(self, indices: list[int]) -> PixelStore:
        """A store of the data set with only these samples, in this order, sharing what is decoded."""
        other = PixelStore(self.dataset.subset(indices), self.spec, budget_bytes=self._left)
        with self._lock:
            other._kept = {new: self._kept[old] for new, old in enumerate(indices) if old in self._kept}
        return other

    def _keep(self, i: int, pixels: Tensor) -> None:
        with self._lock:
            if i not in self._kept and pixels.numel() <= self._left:
                self._kept[i] = pixels
                self._left -= pixels.numel()


def _centre(pixels: Tensor, size: int) -> Tensor:
    height, width = pixels.shape[-2:]
    if (height, width) == (size, size):
        return pixels
    top, left = round((height - size) / 2.0), round((width - size) / 2.0)
    return pixels[:, top : top + size, left : left + size]
