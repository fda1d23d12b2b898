"""Every random number of a run is derived from its seed and the place where it is drawn, never from a running state.

Dropout and stochastic depth draw from torch's global generator; it is seeded anew before each optimizer step from
(seed, phase, epoch, step). A resumed or repeated step therefore draws what the first one drew, without any generator
state in a checkpoint, and nothing that ran between can shift it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import numpy as np
import torch

from warmstart.data.schema import IntArray


def derive(*parts: str | int) -> int:
    """A seed in 0 .. 2^31 - 1 that depends on all parts and their order.

    >>> derive(0, "tune", 3) == derive(0, "tune", 3) != derive(0, "tune", 4)
    True
    """
    digest = hashlib.sha256("\x1f".join(f"{type(p).__name__}:{p}" for p in parts).encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFF_FFFF


def some_of(rng: np.random.Generator, indices: IntArray, most: int) -> IntArray:
    """At most `most` of `indices`, drawn at random, in ascending order.

    >>> some_of(np.random.default_rng(0), np.arange(3), 5).tolist()
    [0, 1, 2]
    """
    drawn: IntArray = np.sort(rng.choice(indices, min(most, len(indices)), replace=False))
    return drawn


def seed_generators(seed: int, device: torch.device) -> None:
    """Seed torch's global generators, of the CPU and of `device`.

    `torch.manual_seed` seeds those of all devices, and where there is none it writes down the stack for the day when
    one is initialised: 5 ms, as long as a step of a small network takes.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


@contextlib.contextmanager
def own_generator(device: torch.device) -> Iterator[None]:
    """Leave torch's global generators (CPU and `device`) as they were found."""
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        yield
