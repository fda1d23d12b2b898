"""Features of time series that no training made: the convolutions of MultiRocket and Hydra, as aeon computes them.

MultiRocket (Tan et al. 2022) takes four summaries of what the kernels of MiniRocket make of a series and of its
differences; Hydra (Dempster et al. 2023) counts how often each of competing kernels matches best.

aeon compiles its loops with numba at their first use on a machine, which takes half a minute, and finds them in numba's
cache from then on. Nothing else in the process is disturbed: aeon sets seeds and numbers of threads for everybody, and
here they are as they were when it is done.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from warmstart.engine.heads.base import standardised
from warmstart.errors import MissingExtraError

FloatArray = npt.NDArray[np.float32]

FEWEST_STEPS = 10
"""A kernel has nine steps, and differences are one step shorter than the series."""
FEATURES = 55_000
"""Of a series, about."""
COMPILING = 35.0
"""Seconds that the first use on a machine takes more, on one core of two."""
_HYDRA = 512
"""Kernels of Hydra, at each dilation."""
_LOOPS = ("transformations", "collection", "convolution_based")
"""Where aeon has what is compiled."""
_AT_ONCE = 2**27
"""Values of Hydra's convolutions that are held at a time."""


class MultiRocketHydra:
    """MultiRocket's four summaries of each convolution, scaled likewise, and Hydra's counts, scaled as theirs are.

    A count is square-rooted, and a feature that is mostly zero weighs less (Dempster et al. 2023, section 3.2).
    `trained` are the features of the training series themselves.

    Args:
        series: of the training part (n, channels, steps).
        seed: of everything random.
    """

    def __init__(self, series: FloatArray, seed: int) -> None:
        from aeon.transformations.collection.convolution_based import HydraTransformer, MultiRocket

        with _undisturbed():
            self._multi = MultiRocket(n_jobs=_threads(), random_state=seed).fit(series)
            self._hydra = HydraTransformer(n_jobs=_threads(), random_state=seed).fit(series)
        summaries, self._mean, self._std = standardised(self._summaries(series))
        counts = self._counts(series)
        self._middle = counts.mean(0)
        self._spread = counts.std(0, correction=0) + (counts == 0).float().mean(0) ** 4 + 1e-8
        self.trained = torch.cat([self._weighed(counts), summaries], 1)

    def _summaries(self, series: FloatArray) -> Tensor:
        with _undisturbed():
            return torch.from_numpy(np.asarray(self._multi.transform(series), dtype=np.float32))

    def _counts(self, series: FloatArray) -> Tensor:
        many = max(1, _AT_ONCE // (_HYDRA * series.shape[2]))
        parts = np.split(series, range(many, len(series), many))
        with _undisturbed(), torch.inference_mode():
            found = torch.cat([self._hydra.transform(part) for part in parts])
        return found.clone().clamp_min(0).sqrt()

    def features(self, series: FloatArray) -> Tensor:
        """(n, features), float32."""
        summaries = self._summaries(series).sub_(self._mean).div_(self._std)
        return torch.cat([self._weighed(self._counts(series)), summaries], 1)

    def _weighed(self, counts: Tensor) -> Tensor:
        return (counts - self._middle) * (counts != 0) / self._spread


def kept() -> bool:
    """Whether numba's cache beside aeon has the loops, so that none needs to be compiled.

    Where the cache was moved elsewhere this says that it has not: then a time is thought longer than it will be.
    """
    found = importlib.util.find_spec("aeon")
    if found is None or found.origin is None:
        return False
    folder = Path(found.origin).parent.joinpath(*_LOOPS, "__pycache__")
    return next(folder.glob("_multirocket.*.nbi"), None) is not None


@functools.cache
def compiled(several: bool) -> float:
    """Seconds that it took to have aeon's loops ready, for series of one channel or of several; once for a process.

    Raises:
        MissingExtraError: aeon is not installed.
    """
    if not has_aeon():
        raise MissingExtraError("the method multirocket_hydra", "series")
    began = time.monotonic()
    little = np.random.default_rng(0).normal(size=(2, 1 + several, 12)).astype(np.float32)
    MultiRocketHydra(little, 0).features(little)
    return time.monotonic() - began


def has_aeon() -> bool:
    """Whether the package that computes all this is installed."""
    return importlib.util.find_spec("aeon") is not None


def _threads() -> int:
    """As many as torch has been given here, where numba has them."""
    import numba

    most: int = numba.config.NUMBA_NUM_THREADS
    return min(torch.get_num_threads(), most)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """The generators of numpy and torch, and torch's number of threads, as they were."""
    state: Any = np.random.get_state()
    threads = torch.get_num_threads()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        np.random.set_state(state)
        torch.set_num_threads(threads)
