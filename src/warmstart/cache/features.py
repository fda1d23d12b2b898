"""Activations of samples at a cut: what is stored is read, the rest is computed in one pass, and stored.

The result depends on the sample and the weights alone, not on the batch it was in (to float tolerance) nor on what was
cached (bit for bit). Decoding runs in the threads of `ImageBatches` while the network computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from warmstart.cache.key import prefix_sha256, sample_keys, space_key
from warmstart.cache.store import ActivationStore
from warmstart.data.batches import ImageBatches, PixelStore
from warmstart.data.schema import IntArray
from warmstart.model.chain import Chain
from warmstart.model.modes import evaluating
from warmstart.preprocess.spec import PreprocessSpec

_CHUNK_BYTES = 64 * 2**20
_CHUNK_SAMPLES = 4096
"""A chunk is stored as soon as it is full: what an interrupted pass has finished is there for the next one."""


def activations(
    chain: Chain,
    cut: int,
    store: PixelStore,
    indices: Sequence[int] | IntArray,
    *,
    spec: PreprocessSpec,
    cache: ActivationStore,
    weights_sha256: str | None = None,
    batch_size: int = 64,
    workers: int = 2,
    progress: Callable[[int], None] | None = None,
) -> Tensor:
    """Activations (len(indices), ...) at `cut`, float32 on the CPU, rows in the order of `indices`, without gradient.

    Args:
        chain: its module is in eval mode meanwhile; every flag is put back.
        cut: index into `chain.cuts`; negative counts from the end, so -1 gives the pooled features.
        store: the decoded pixels.
        indices: into the data set of `store`; may repeat.
        spec: the preprocessing, part of the key; that of `store`.
        cache: what was computed before is taken from it, what is new put into it.
        weights_sha256: `prefix_sha256(chain, cut)` if it is known already.
        batch_size: samples per forward pass.
        workers: threads that decode.
        progress: called with the number of samples done since the call before; the stored ones come first.
    """
    if spec != store.spec:
        raise ValueError(f"the pixels were prepared by {store.spec}, not by {spec}")
    cut = range(len(chain.cuts))[cut]
    order = np.asarray(indices, dtype=np.int64)
    keys = sample_keys(store.dataset.samples[i] for i in order)
    space = space_key(weights_sha256 or prefix_sha256(chain, cut), spec, cut, torch.float32)
    out = torch.empty(len(order), *chain.activation_shape(cut, spec.size))
    missing = cache.fetch(space, keys, out)
    _report(progress, len(order) - len(missing))
    first: dict[str, int] = {}  # the same picture twice is computed once
    for position in missing:
        first.setdefault(keys[position], position)
    todo = list(first.values())
    step = max(1, min(_CHUNK_SAMPLES, _CHUNK_BYTES // max(1, out[:1].nbytes)))
    for start in range(0, len(todo), step):
        part = todo[start : start + step]
        rows = torch.empty(len(part), *out.shape[1:])
        _compute(chain, cut, ImageBatches(store, order[part], batch_size=batch_size, workers=workers), rows, progress)
        cache.put(space, [keys[position] for position in part], rows)
        out[part] = rows
    repeated = [position for position in missing if first[keys[position]] != position]
    out[repeated] = out[[first[keys[position]] for position in repeated]]
    _report(progress, len(repeated))
    return out


def _compute(
    chain: Chain, cut: int, batches: ImageBatches, rows: Tensor, progress: Callable[[int], None] | None
) -> None:
    """Fill `rows`, a tensor made outside inference mode: training can use it, and nothing is held twice."""
    weight = next(chain.module.parameters(), rows)
    prefix, done = chain.prefix(cut), 0
    with evaluating(chain.module), torch.inference_mode():
        for batch in batches:
            inputs = batch.inputs.to(weight.device, weight.dtype)
            if inputs.ndim == 4:  # about twice as fast for convolutions on a CPU
                inputs = inputs.contiguous(memory_format=torch.channels_last)
            rows[done : done + len(inputs)].copy_(prefix(inputs))
            done += len(inputs)
            _report(progress, len(inputs))


def _report(progress: Callable[[int], None] | None, samples: int) -> None:
    if progress is not None and samples:
        progress(samples)
