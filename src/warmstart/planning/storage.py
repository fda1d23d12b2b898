"""What activations would take at each cut: on the disk, and in memory on the way there."""

from __future__ import annotations

import dataclasses

from warmstart.model.activation import ActivationDtype, sample_bytes
from warmstart.model.backbone import Backbone
from warmstart.planning.caching import megabytes
from warmstart.planning.profile import profile

DTYPES: tuple[ActivationDtype, ...] = ("fp32", "bf16", "int8")
COLUMNS = ("cut", "behind", "shape", *(f"disk {dtype}" for dtype in DTYPES), "memory")
AT_ONCE = 16
"""Samples that pass through the network at a time, about."""
_KEY = 64
"""Bytes of the address of each sample, in the file and in memory."""
_OBJECTS = 1320
"""Bytes of Python for an image of a folder: 565 of the sample and 752 of the look at it (`benchmarks/scale.py`)."""


@dataclasses.dataclass(frozen=True)
class CutCost:
    """Of one cut, for so many samples."""

    cut: int  # index into the chain's cuts
    behind: str  # the module that ends there
    shape: tuple[int, ...]  # of one activation
    disk: dict[str, int]  # bytes by format, with addresses
    memory: int  # bytes: weights, a batch on its way to the cut, and what is held of each sample


def cut_costs(backbone: Backbone, samples: int, size: int) -> tuple[CutCost, ...]:
    """At the end of each block that a person reads of, for inputs of `size`.

    >>> from warmstart.model.catalog import load_backbone
    >>> [cost.disk["int8"] for cost in cut_costs(load_backbone("toy"), 1000, 32)][-1] < 10**6
    True
    """
    chain = backbone.chain
    weights = sum(tensor.numel() * tensor.element_size() for tensor in chain.module.state_dict().values())
    found: list[CutCost] = []
    for cut in dict.fromkeys([*(block.cut for block in chain.blocks), len(chain) - 1]):
        shape = chain.activation_shape(cut, size)
        disk: dict[str, int] = {dtype: samples * (sample_bytes(shape, dtype) + _KEY) for dtype in DTYPES}
        passing = 2 * AT_ONCE * profile(backbone, 0, cut, size).peak
        found.append(CutCost(cut, chain.cuts[cut].name, shape, disk, weights + passing + samples * (_KEY + _OBJECTS)))
    return tuple(found)


def cut_rows(costs: tuple[CutCost, ...]) -> list[tuple[str, ...]]:
    """The costs as rows under `COLUMNS`."""
    return [
        (
            str(cost.cut),
            cost.behind,
            " x ".join(map(str, cost.shape)),
            *(megabytes(cost.disk[dtype]) for dtype in DTYPES),
            megabytes(cost.memory),
        )
        for cost in costs
    ]
