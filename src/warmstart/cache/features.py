"""Activations of samples at a cut: what is stored is read, the rest is computed in one pass, and stored.

The result depends on the sample and the weights alone, not on the batch it was in (to float tolerance) nor on what was
cached (bit for bit). Decoding runs in the threads of `ImageBatches` while the network computes. The same pass can store
the activations at lower cuts as well, for those who will train from there later.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from warmstart.cache.key import prefix_sha256, sample_key, space_key
from warmstart.cache.lookup import Asked, Keys, as_texts
from warmstart.cache.packing import Packed
from warmstart.cache.rows import StoredRows
from warmstart.cache.store import ActivationStore
from warmstart.data.batches import Batch
from warmstart.data.schema import IntArray
from warmstart.data.stores import InputStore, batches_on, computing_order
from warmstart.data.transfer import Landing, Onto
from warmstart.data.views import View
from warmstart.model.activation import ActivationDtype, sample_bytes
from warmstart.model.chain import Chain
from warmstart.model.device import AT_ONCE, Device
from warmstart.model.inputs import weight_of
from warmstart.model.modes import evaluating
from warmstart.model.runtimes.base import Extract, UnavailableError, runtimes
from warmstart.preprocess.kinds import Spec
from warmstart.preprocess.text import TextSpec

_CHUNK_BYTES = 64 * 2**20
_CHUNK_SAMPLES = 4096
"""A chunk is stored as soon as it is full: what an interrupted pass has finished is there for the next one."""

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


def activations(
    wanted: Wanted,
    cut: int,
    indices: Sequence[int] | IntArray,
    *,
    also: Collection[int] = (),
    progress: Progress = None,
) -> Tensor:
    """Activations (len(indices), ...) at `cut`, float32 on the CPU, rows in the order of `indices`, without gradient.

    Args:
        wanted: see there.
        cut: index into `chain.cuts`; negative counts from the end, so -1 gives the pooled features.
        indices: into the data set of the store; may repeat.
        also: lower cuts whose activations are stored too, where the samples have to be computed anyway.
        progress: called with the number of samples done since the call before; the stored ones come first.
    """
    cut, order = range(len(wanted.chain.cuts))[cut], np.asarray(indices, dtype=np.int64)
    keys = wanted.keys(order)
    out = torch.empty(len(order), *wanted.shape(cut))
    missing = np.array(wanted.cache.fetch(wanted.space(cut), keys, out), dtype=np.int64)
    _report(progress, len(order) - len(missing))
    asked = Asked(keys[missing])
    once = missing[asked.first]  # the same picture twice is computed once

    def fill(computed: Keys, packed: Packed) -> None:
        rows, places = asked.among(computed)
        out[torch.from_numpy(missing[places])] = packed.unpack(torch.from_numpy(rows))

    _compute(wanted, cut, keys[once], order[once], also, fill, progress)
    _report(progress, len(missing) - len(once))
    return out


def stored_activations(
    wanted: Wanted,
    cut: int,
    indices: Sequence[int] | IntArray,
    *,
    also: Collection[int] = (),
    progress: Progress = None,
) -> StoredRows | None:
    """What `activations` gives, left where it is stored; `None` where the store has no room for it."""
    cut, order = range(len(wanted.chain.cuts))[cut], np.asarray(indices, dtype=np.int64)
    keys, space = wanted.keys(order), wanted.space(cut)
    found: StoredRows | None = None
    for _ in range(2):  # that a file is damaged shows when it is read; then its samples are missing after all
        missing = np.array(wanted.cache.missing(space, keys), dtype=np.int64)
        once = missing[Asked(keys[missing]).first]
        _compute(wanted, cut, keys[once], order[once], also, lambda *_: None, progress)
        found = wanted.cache.rows(space, keys, wanted.shape(cut))
        if found is not None:
            break
    return found


def _compute(
    wanted: Wanted,
    cut: int,
    keys: Keys,
    indices: IntArray,
    also: Collection[int],
    done: Callable[[Keys, Packed], None],
    progress: Progress,
) -> None:
    """Compute and store the activations of the samples at `indices` at `cut`, and at the cuts of `also`."""
    order = computing_order(wanted.store, indices)
    keys, indices = keys[order], indices[order]
    lower = [other for other in sorted(set(also)) if other < cut and wanted.cache.missing(wanted.space(other), keys)]
    cuts = [*lower, cut] if len(keys) else []
    spaces = {at: wanted.space(at) for at in cuts}
    largest = max((sample_bytes(wanted.shape(at)) for at in cuts), default=1)
    step = max(1, min(_CHUNK_SAMPLES, _CHUNK_BYTES // largest))
    for start in range(0, len(keys), step):
        part = keys[start : start + step]
        rows = {at: torch.empty(len(part), *wanted.shape(at)) for at in cuts}
        _fill(wanted, indices[start : start + step], rows, progress)
        names = as_texts(part)
        packed = [wanted.cache.put(spaces[at], names, rows[at], wanted.dtype) for at in cuts]
        done(part, packed[-1])


def _fill(wanted: Wanted, indices: IntArray, rows: dict[int, Tensor], progress: Progress) -> None:
    """Fill `rows` with the samples at `indices`; where a GPU's memory does not suffice, fewer at once go on."""
    done, size = 0, wanted.at_once

    def count(samples: int) -> None:
        nonlocal done
        done += samples
        _report(progress, samples)

    while done < len(indices):
        left = {at: out[done:] for at, out in rows.items()}
        try:
            _forward(wanted, wanted.batches(indices[done:], size), left, count)
            continue
        except torch.OutOfMemoryError:
            if size == 1:
                raise
        # Outside the handler: the error's traceback holds the activations that did not fit.
        size = -(-size // 2)
        torch.cuda.empty_cache()


def _forward(
    wanted: Wanted, batches: Iterable[Batch], rows: dict[int, Tensor], progress: Callable[[int], None]
) -> None:
    """Fill `rows` (by cut, ascending), tensors made outside inference mode: training can use them."""
    done, weight, device = 0, weight_of(wanted.chain.module), wanted.device
    landing, short = Landing(device.at), device.arithmetic(wanted.dtype) == "bf16"
    reduced = torch.autocast(device.at.type, torch.bfloat16) if short else contextlib.nullcontext()
    with evaluating(wanted.chain.module), torch.inference_mode(), device.fast(), reduced:
        try:
            extract = prepared(wanted.runtime, wanted.chain, tuple(rows), wanted.spec.size)
        except UnavailableError:  # the whole network suits the runtime, this beginning of it does not
            extract = prepared("torch", wanted.chain, tuple(rows), wanted.spec.size)
        try:
            for batch in batches:
                size = len(batch.inputs)
                dtype = weight.dtype if batch.inputs.is_floating_point() else None  # tokens are whole numbers
                found = extract(batch.inputs.to(weight.device, dtype))
                for out, x in zip(rows.values(), found, strict=True):
                    into = out[done : done + size]
                    landing.take(x.to(torch.bfloat16) if short else x, functools.partial(_put, rows=into))
                done += size
                progress(size)
        finally:  # what is counted is there, also where the next batch did not fit
            landing.settle()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _put(x: Tensor, rows: Tensor) -> None:
    """Copy activations into rows; those of texts that are shorter than the rows are followed by zeros."""
    if x.shape[1:] != rows.shape[1:]:
        rows[:, x.shape[1] :] = 0
        rows = rows[:, : x.shape[1]]
    rows.copy_(x)


_READY: OrderedDict[tuple[str, str, tuple[int, ...], int], Extract] = OrderedDict()
_MOST_READY = 4


def prepared(runtime: str, chain: Chain, cuts: tuple[int, ...], size: int) -> Extract:
    """The prefixes of a chain in a runtime. What takes seconds to prepare is kept, under the hash of its weights."""
    if runtime == "torch":
        return runtimes[runtime](chain, cuts, size)
    key = (runtime, prefix_sha256(chain, cuts[-1]), cuts, size)
    if key not in _READY:
        _READY[key] = runtimes[runtime](chain, cuts, size)
        while len(_READY) > _MOST_READY:
            _READY.popitem(last=False)
    _READY.move_to_end(key)
    return _READY[key]


def _report(progress: Progress, samples: int) -> None:
    if progress is not None and samples:
        progress(samples)
