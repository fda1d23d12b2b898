"""torch.compile: kernels generated for this network and machine. It takes a minute, so it is for long work."""

from __future__ import annotations

import contextlib
import io
import shutil

import torch
from torch import Tensor

from warmstart.model.chain import Chain
from warmstart.model.device import AT_ONCE
from warmstart.model.runtimes.base import Extract, UnavailableError, require_images

_COMPILERS = ("c++", "g++", "clang++")
_AT_ONCE = 16
"""Inputs that the kernels are made for on a CPU. For any number of them, the symbolic sizes of EfficientNet-Lite0 kept
the compiler of torch 2.14 busy for half an hour, without an end."""


def prepare(chain: Chain, cuts: tuple[int, ...], size: int) -> Extract:
    """See `Runtime`. The network is compiled here, for one batch size: smaller batches are filled up with zeros, and
    what is computed for those is dropped; larger ones are taken in parts.
    """
    require_images(chain)
    weight = next(chain.module.parameters(), torch.empty(0))
    if weight.device.type == "cpu" and not any(map(shutil.which, _COMPILERS)):
        raise UnavailableError(f"there is no C++ compiler ({', '.join(_COMPILERS)})")
    network = torch.compile(chain.prefixes(cuts), dynamic=False)
    most = _AT_ONCE if weight.device.type == "cpu" else AT_ONCE

    def part(x: Tensor) -> tuple[Tensor, ...]:
        full = torch.cat([x, x.new_zeros(most - len(x), *x.shape[1:])]) if len(x) < most else x
        found: tuple[Tensor, ...] = network(full.contiguous(memory_format=torch.channels_last))
        return tuple(out[: len(x)] for out in found)

    def extract(x: Tensor) -> tuple[Tensor, ...]:
        parts = [part(some) for some in torch.split(x, most)]
        return parts[0] if len(parts) == 1 else tuple(torch.cat(outs) for outs in zip(*parts, strict=True))

    example = chain.inputs.example(most, size, chain.module)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            extract(example)
    except Exception as error:  # whatever the compilers do not know
        raise UnavailableError(f"torch.compile cannot compile this network: {error}") from error
    return extract
