"""torch as it is, with activations channels last: about twice as fast for convolutions on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor

from warmstart.model.chain import Chain
from warmstart.model.runtimes.base import Extract


def prepare(chain: Chain, cuts: tuple[int, ...], size: int) -> Extract:  # noqa: ARG001 (any size will do)
    """See `Runtime`. The weights are looked up at every call."""
    segments = [chain.segment(start, stop) for start, stop in zip((0, *cuts[:-1]), cuts, strict=True)]

    def extract(x: Tensor) -> tuple[Tensor, ...]:
        found: list[Tensor] = []
        x = x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
        for segment in segments:
            x = segment(x)
            found.append(x)
        return tuple(found)

    return extract
