"""Backbone + head: what is trained, evaluated and shipped."""

from __future__ import annotations

import copy
import dataclasses

from torch import Tensor, nn

from warmstart.model.backbone import Backbone


class Network(nn.Module):
    """`head(backbone(x))`, with the backbone's chain at hand so that training may start from any cut.

    Parameter names are `backbone.<supplier's name>` and `head.<name>`; they are what patterns in a recipe match and
    what a checkpoint or bundle stores.
    """

    def __init__(self, backbone: Backbone, head: nn.Module) -> None:
        super().__init__()
        self.facts = backbone
        self.backbone = backbone.module
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of shape (n, outputs) for preprocessed inputs (n, channels, height, width)."""
        out: Tensor = self.head(self.backbone(x))
        return out

    def forward_from(self, cut: int, activation: Tensor) -> Tensor:
        """Outputs from the activation at `cut`; `forward_from(0, x)` equals `forward(x)`."""
        out: Tensor = self.head(self.facts.chain.suffix(cut)(activation))
        return out

    def clone(self) -> Network:
        """A copy with weights of its own."""
        backbone = dataclasses.replace(self.facts, chain=self.facts.chain.clone())
        return Network(backbone, copy.deepcopy(self.head))
