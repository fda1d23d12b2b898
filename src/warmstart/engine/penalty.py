"""L2-SP: decay towards the weights that training started from, instead of towards zero."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class StartingPoint:
    """Adds the gradient of `alpha / 2 * |w - w_start|^2` (Li, Grandvalet and Davoine 2018, eq. 3).

    Only trained backbone parameters are pulled back; a head that is new has no start worth keeping. Of one that knew
    its first `outputs` before, their rows have. The gradient is added directly after backward: the same numbers as a
    term of the loss, at no cost in memory.
    """

    def __init__(self, network: nn.Module, start: Mapping[str, Tensor], alpha: float, outputs: int = 0) -> None:
        self.alpha = alpha
        self._pairs = [
            (parameter, start[name].to(parameter.device).clone(), ... if in_backbone else slice(outputs))
            for name, parameter in network.named_parameters()
            if parameter.requires_grad and ((in_backbone := name.startswith("backbone.")) or outputs)
        ]

    @torch.no_grad()
    def add_gradient(self) -> None:
        """Add `alpha * (w - w_start)` to the gradient of every parameter that has one."""
        for parameter, start, rows in self._pairs:
            if parameter.grad is not None:
                parameter.grad[rows].add_((parameter - start)[rows], alpha=self.alpha)
