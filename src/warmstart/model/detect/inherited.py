"""Weights of a whole detector or segmenter in a new head: by name, and where there is a row for each class by those of
one name.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

_log = logging.getLogger(__name__)


@torch.no_grad()
def inherit(module: nn.Module, tensors: Mapping[str, Tensor], of_classes: str, pairs: Mapping[int, int]) -> None:
    """Put tensors in the place of those of `module` that have the same name; what does not fit stays as it is.

    Args:
        module: parameters and buffers are changed in place.
        tensors: by names of `module`.
        of_classes: pattern of the names of tensors with a row for each class.
        pairs: numbers of classes in `module`, and of the same in `tensors`.

    >>> new, old = nn.Linear(1, 2), {"weight": torch.tensor([[1.0], [2], [3]]), "bias": torch.ones(2)}
    >>> inherit(new, old, "weight", {0: 2})
    >>> new.weight[0].item(), new.bias.tolist()
    (3.0, [1.0, 1.0])
    """
    own, taken = module.state_dict(), 0
    for name, there in tensors.items():
        here = own.get(name)
        if here is None or here.shape[1:] != there.shape[1:]:
            continue
        if re.search(of_classes, name):
            for new, old in pairs.items():
                here[new] = there[old]
            taken += bool(pairs)
        elif here.shape == there.shape:
            here.copy_(there)
            taken += 1
    _log.info("%d of %d tensors of the head came with the backbone", taken, len(own))
