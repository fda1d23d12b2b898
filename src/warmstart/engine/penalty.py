"""L2-SP: decay towards the weights that training started from, instead of towards zero."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class StartingPoint:
    """Adds the gradient of `alpha / 2 * |w - w_start|^2` (Li, Grandvalet and Davoine 2018, eq. 3).

    Only trained backbone parameters are pulled back; the head is new and has no start worth keeping. The gradient is
    added directly after backward: the same numbers as a term of the loss, at no cost in memory.
    """

    def __init__(self, network: nn.Module, start: Mapping[str, Tensor], alpha: float) -> None:
        self.alpha = alpha
        self._pairs = [
            (parameter, start[name].to(parameter.device).clone())
            for name, parameter in network.named_parameters()
            if parameter.requires_grad and name.startswith("backbone.")
        ]

    @torch.no_grad()
    def add_gradient(self) -> None:
        """Add `alpha * (w - w_start)` to the gradient of every parameter that has one."""
        for parameter, start in self._pairs:
            if parameter.grad is not None:
                parameter.grad.add_(parameter - start, alpha=self.alpha)
