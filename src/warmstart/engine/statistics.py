"""Running statistics of norms that train: exact while the averages have not caught up with the weights.

Batch normalisation trains on the statistics of each batch and is evaluated on a running average of them, which is of no
use in its first steps (TensorFlow's average, kept by `tf_*` networks, moves by one hundredth a step). Trained from
scratch on 80 digits for 15 epochs, EfficientNet-Lite0 had a training loss of 0.00 and was at chance on validation. So
as long as that is so, the statistics are computed anew from some batches before each evaluation ("precise batch norm",
Wu & Johnson 2021, section 3). Training itself never reads them.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

ENOUGH = 5.0
"""Times the average's length, in steps, after which it is taken as it is."""
BATCHES = 16
"""That the statistics are computed from, at most."""


def settle(suffix: nn.Module, batches: Iterable[tuple[Tensor, ...]], steps: int) -> None:
    """Compute the statistics of the norms in `suffix` that train, if their averages are younger than `ENOUGH`.

    Args:
        suffix: what trains, its train and eval flags as in training.
        batches: what it is given in training, with targets where it takes them; not read where there is nothing to do.
        steps: optimizer steps so far.
    """
    young = [module for module in suffix.modules() if isinstance(module, _BatchNorm) and _is_young(module, steps)]
    if not young:
        return
    before = [(module.momentum, _tracked(module).clone()) for module in young]
    for module in young:
        module.reset_running_stats()
        module.momentum = None  # the plain mean over all batches
    try:
        with _without_gradients(suffix):
            for batch in itertools.islice(batches, BATCHES):
                suffix(*batch)
    finally:
        for module, (momentum, steps_taken) in zip(young, before, strict=True):
            module.momentum = momentum
            _tracked(module).copy_(steps_taken)


def _without_gradients(suffix: nn.Module) -> contextlib.AbstractContextManager[object]:
    """A detector has to believe that gradients are wanted to go the way that it goes in training: nothing is kept for
    them then.
    """
    if any(getattr(module, "forced", False) for module in suffix.modules()):
        return torch.autograd.graph.saved_tensors_hooks(lambda _: None, lambda _: torch.empty(0))
    return torch.no_grad()


def _tracked(module: _BatchNorm) -> Tensor:
    assert module.num_batches_tracked is not None, "a norm that tracks statistics counts its batches"
    return module.num_batches_tracked


def _is_young(module: _BatchNorm, steps: int) -> bool:
    if not module.training or not module.track_running_stats or module.momentum is None:
        return False
    return steps * module.momentum < ENOUGH
