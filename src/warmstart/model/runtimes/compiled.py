"""torch.compile: kernels generated for this network and machine. It takes a minute, so it is for long work."""

from __future__ import annotations

import contextlib
import io
import shutil

import torch
from torch import Tensor

from warmstart.model.chain import Chain
from warmstart.model.runtimes.base import Extract, UnavailableError

_COMPILERS = ("c++", "g++", "clang++")


def prepare(chain: Chain, cuts: tuple[int, ...], size: int) -> Extract:
    """See `Runtime`. The network is compiled here, for batches of any size."""
    weight = next(chain.module.parameters(), torch.empty(0))
    if weight.device.type == "cpu" and not any(map(shutil.which, _COMPILERS)):
        raise UnavailableError(f"there is no C++ compiler ({', '.join(_COMPILERS)})")
    network = torch.compile(chain.prefixes(cuts), dynamic=True)

    def extract(x: Tensor) -> tuple[Tensor, ...]:
        found: tuple[Tensor, ...] = network(x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x)
        return found

    example = torch.zeros(2, chain.channels, size, size, device=weight.device, dtype=weight.dtype)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            extract(example)
    except Exception as error:  # whatever the compilers do not know
        raise UnavailableError(f"torch.compile cannot compile this network: {error}") from error
    return extract
