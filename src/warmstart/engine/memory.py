"""The micro-batch: as many samples of a batch as go through the network at once. What fits is found and told.

The effective batch, and with it the result, stays the same: gradients of the parts add up to the gradient of the whole
(in blocks whose batch norm is training, statistics are those of the part).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from warmstart.errors import TrainingError
from warmstart.planning.plan import PhasePlan

SHARE = 0.8  # of the available memory that a phase may plan to use
STATES = {"sgd": 1, "adam": 2, "adamw": 2}  # optimizer tensors per trained parameter

T = TypeVar("T")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice, on the GPU or in torch's CPU allocator."""
    text = str(error).lower()
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(word in text for word in words)


def estimate_micro(network: nn.Module, plan: PhasePlan, available: int) -> int:
    """The largest of batch, batch / 2, batch / 4, ... whose expected peak stays in `SHARE` of `available` bytes.

    Weights, gradients and optimizer state are needed whatever the micro-batch; the rest of `plan.memory` scales with
    it.
    """
    trained = sum(group.numel for group in plan.groups)
    weights = sum(parameter.numel() * parameter.element_size() for parameter in network.parameters())
    fixed = weights + 4 * trained * (1 + STATES[plan.phase.optimizer])
    scaling = max(0, plan.memory - fixed)
    micro = plan.batch_size
    while micro > 1 and fixed + scaling * micro / plan.batch_size > SHARE * available:
        micro = halved(micro)
    return micro


def halved(micro: int) -> int:
    """Half the micro-batch, rounded up; raises `TrainingError` when it was one sample already."""
    if micro <= 1:
        raise TrainingError(
            "memory does not suffice for one sample",
            do="use a smaller --size, train fewer blocks, or close other programs",
        )
    return math.ceil(micro / 2)


def parts(n: int, micro: int, least: int = 1) -> list[slice]:
    """Cut n samples into nearly equal parts of about `micro`, none smaller than `least` (batch norm needs two samples).

    >>> [(s.start, s.stop) for s in parts(5, 2)], [(s.start, s.stop) for s in parts(5, 2, least=2)]
    ([(0, 2), (2, 4), (4, 5)], [(0, 3), (3, 5)])
    """
    count = max(1, min(math.ceil(n / micro), n // least))
    sizes = [n // count + (i < n % count) for i in range(count)]
    ends = [sum(sizes[: i + 1]) for i in range(count)]
    return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]


def until_it_fits(call: Callable[[int], T], size: int) -> T:
    """`call(size)`, with the size halved as long as memory does not suffice; for work without side effects."""
    while True:
        try:
            return call(size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside the handler: the error's traceback holds the tensors that did not fit.
        size = halved(size)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
