"""Which activations are wanted: of which network and data, how they are computed, and under which address they lie."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from warmstart.cache.key import prefix_sha256, sample_key, space_key
from warmstart.cache.lookup import Keys
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import IntArray
from warmstart.data.stores import InputStore, batches_on
from warmstart.data.transfer import Onto
from warmstart.data.views import View
from warmstart.model.activation import ActivationDtype
from warmstart.model.chain import Chain
from warmstart.model.device import AT_ONCE, Device
from warmstart.model.inputs import weight_of
from warmstart.preprocess.kinds import Spec
from warmstart.preprocess.text import TextSpec

BATCH = 16
"""Samples per forward pass where nothing was measured. On a CPU, 64 were slower and took half a gigabyte more: Lite0 at
224 px on two cores, torch 51 to 82 images/s and OpenVINO 328 to 344 (`benchmarks/micro/batches.py`)."""

Progress = Callable[[int], None] | None


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Which activations, and how they are computed and kept.

    Args:
        chain: its module is in eval mode while it computes; every flag is put back.
        store: the inputs.
        cache: what was computed before is taken from it, what is new put into it.
        spec: the preprocessing, part of the key; that of `store`.
        dtype: format in which they are stored and, rounded to it, returned.
        runtime: what computes; see `warmstart.model.runtimes`.
        view: of the images; `None` for the images as evaluation sees them.
        batch_size: samples per forward pass.
        workers: threads that decode.
    """

    chain: Chain
    store: InputStore
    cache: ActivationStore
    spec: Spec
    dtype: ActivationDtype = "fp32"
    runtime: str = "torch"
    view: View | None = None
    batch_size: int = BATCH
    workers: int = 2

    def __post_init__(self) -> None:
        if self.spec != self.store.spec:
            raise ValueError(f"the pixels were prepared by {self.store.spec}, not by {self.spec}")

    def space(self, cut: int) -> str:
        """Address of the activations at `cut`. What a GPU computes in shorter numbers has one of its own."""
        computed = " ".join(filter(None, (self.runtime, self.device.arithmetic(self.dtype))))
        return space_key(prefix_sha256(self.chain, cut), self.spec, cut, self.dtype, computed)

    @property
    def device(self) -> Device:
        """Where they are computed: where the weights are."""
        return Device.of(weight_of(self.chain.module).device)

    def keys(self, indices: IntArray) -> Keys:
        """Address of each sample, or of the view of it (its augmentation is drawn by its index in the data set)."""
        return np.fromiter(self._keys(indices), dtype="S64", count=len(indices))

    def _keys(self, indices: IntArray) -> Iterator[str]:
        samples = self.store.dataset.samples
        own = ((i, samples[i], sample_key(samples[i])) for i in indices)
        if isinstance(self.spec, TextSpec) and self.spec.writes == "causal":  # it reads what is to be written, too
            own = ((i, sample, _sha256(f"{key} {sample.label!r}")) for i, sample, key in own)
        if self.view is None:
            return (key for _, _, key in own)
        drawn = dataclasses.astuple(self.view)
        return (_sha256(f"{key} {drawn} {i}") for i, _, key in own)

    @property
    def at_once(self) -> int:
        """Samples in a forward pass."""
        return max(self.batch_size, AT_ONCE) if self.device.behind else self.batch_size

    def shape(self, cut: int) -> tuple[int, ...]:
        """Shape of one activation."""
        return self.chain.activation_shape(cut, self.spec.size)

    def batches(self, indices: IntArray, size: int | None = None) -> Onto:
        """The inputs, in order, on the device; `size` at a time, or as many as suit it."""
        seen: dict[str, Any] = {}
        if self.view is not None:
            seen = {"augment": self.view.augment, "seed": self.view.seed, "epoch": self.view.number}
        size = size or self.at_once
        return batches_on(self.device.at, self.store, indices, batch_size=size, workers=self.workers, **seen)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
