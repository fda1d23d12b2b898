"""Activations are computed: chunk by chunk, in whichever runtime, while the next inputs are read."""

from __future__ import annotations

import contextlib
import functools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from warmstart.cache.key import prefix_sha256
from warmstart.cache.lookup import Keys
from warmstart.cache.wanted import Progress, Wanted
from warmstart.data.batches import Batch
from warmstart.data.schema import IntArray
from warmstart.data.transfer import Landing
from warmstart.model.activation import sample_bytes
from warmstart.model.chain import Chain
from warmstart.model.inputs import weight_of
from warmstart.model.modes import evaluating
from warmstart.model.runtimes.base import Extract, UnavailableError, runtimes

_CHUNK_SAMPLES = 4096
"""A chunk (of `ActivationStore.chunk_bytes`) is stored as soon as it is full: what an interrupted pass has finished is
there for the next one."""


def chunks(wanted: Wanted, cuts: Sequence[int], n: int) -> list[slice]:
    """N samples in the parts that are computed, and stored, one after another."""
    largest = max((sample_bytes(wanted.shape(at)) for at in cuts), default=1)
    step = max(1, min(_CHUNK_SAMPLES, wanted.cache.chunk_bytes // largest))
    return [slice(start, min(n, start + step)) for start in range(0, n, step)]


def fill(
    wanted: Wanted,
    cuts: Sequence[int],
    keys: Keys,
    indices: IntArray,
    keep: Callable[[Keys, dict[int, Tensor]], None],
    progress: Progress,
) -> None:
    """Give `keep` the activations of the samples at `indices` by cut, chunk by chunk."""
    for part in chunks(wanted, cuts, len(keys)):
        rows = {at: torch.empty(len(keys[part]), *wanted.shape(at)) for at in cuts}
        _filled(wanted, indices[part], rows, functools.partial(report, progress))
        keep(keys[part], rows)


def _filled(wanted: Wanted, indices: IntArray, rows: dict[int, Tensor], progress: Callable[[int], None]) -> None:
    """Fill `rows` with the samples at `indices`; where a GPU's memory does not suffice, fewer at once go on."""
    done, size = 0, wanted.at_once

    def count(samples: int) -> None:
        nonlocal done
        done += samples
        progress(samples)

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


def report(progress: Progress, samples: int) -> None:
    """Tell of samples that are done, if there are any and somebody listens."""
    if progress is not None and samples:
        progress(samples)
