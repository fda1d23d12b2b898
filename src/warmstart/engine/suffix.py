"""The part of a network that trains, as a module of its own."""

from __future__ import annotations

from torch import Tensor, nn

from warmstart.model.network import Network


class Suffix(nn.Module):
    """`forward(x) = head(suffix(cut)(x))`: what `accelerate` prepares, differentiates and runs in reduced precision.

    It shares all modules with `network`; everything below `cut` is left out of the computation, not out of the module.
    """

    def __init__(self, network: Network, cut: int) -> None:
        super().__init__()
        self.network = network
        self.cut = cut

    def forward(self, activation: Tensor, targets: Tensor | None = None) -> Tensor:
        """Outputs (n, outputs) from the activation at `cut`, shape (n, ...); see `Network.forward` for `targets`."""
        return self.network.forward_from(self.cut, activation, targets)
