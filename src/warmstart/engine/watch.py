"""Whether steps stay finite, and what their losses were: known at once on a CPU, and without waiting on a GPU.

A GPU works behind the host. To ask it for the loss of a step before its update is to wait for all that it has to do, in
every step. So there the optimizer itself leaves out an update whose loss or gradient is not finite (`found_inf`, which
its fused kernels read on the device), and the host hears of it some steps later. Nothing that is not finite reaches a
weight either way; what was trained since is taken back by the guard, which goes back to the start of the epoch.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from warmstart.data.transfer import Landing

LATER = 8
"""Steps that a GPU may be behind before the host waits for the first of them."""


class NonFiniteError(Exception):
    """A loss, gradient or weight is NaN or infinite; the loop goes back to the last finite state."""


class Watch:
    """Watches the steps of an optimizer.

    Args:
        optimizer: on a device that works behind the host a fused one.
        device: where it steps.
        behind: whether that works behind the host.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, device: torch.device, behind: bool) -> None:
        self._optimizer, self._landing = optimizer, Landing(device, LATER) if behind else None
        self._told = 0.0
        self.last = math.nan
        """The loss that was told last."""

    def before(self, loss: Tensor | float, norm: Tensor, samples: int) -> None:
        """To be called with loss and gradient norm when all that is left of a step is the update.

        Raises:
            NonFiniteError: this step's are not finite, or, on a device that works behind, an earlier one's were not.
        """
        if self._landing is None:
            self._hear(float(loss), float(norm), samples)
            return
        pair = torch.stack([torch.as_tensor(loss, device=norm.device).float(), norm.float()])
        self._optimizer.found_inf = (~pair.isfinite().all()).float()  # type: ignore[attr-defined]
        self._landing.take(pair, functools.partial(self._landed, samples=samples))

    def told(self) -> float:
        """The sum over samples of all losses that were heard of since the last call."""
        found, self._told = self._told, 0.0
        return found

    def settle(self) -> None:
        """Wait for all steps that were not heard of. Raises `NonFiniteError` as `before`."""
        if self._landing is not None:
            self._landing.settle()

    def forget(self) -> None:
        """Leave out of account what was not heard of: its steps were taken back."""
        self._told = 0.0
        if self._landing is not None:
            self._landing.drop()

    def _landed(self, pair: Tensor, samples: int) -> None:
        loss, norm = pair.tolist()
        self._hear(loss, norm, samples)

    def _hear(self, loss: float, norm: float, samples: int) -> None:
        if not (math.isfinite(loss) and math.isfinite(norm)):
            self.forget()
            raise NonFiniteError(f"loss {loss:g}, gradient norm {norm:g}")
        self.last = loss
        self._told += loss * samples
