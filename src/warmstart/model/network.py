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

    def forward(self, x: Tensor, targets: Tensor | None = None) -> Tensor:
        """Outputs of shape (n, outputs) for preprocessed inputs (n, channels, height, width).

        `targets` (n, T) are for heads that write (`warmstart.model.text.language`); others are not given them.
        """
        return self.answer(self.backbone(x), targets)

    def forward_from(self, cut: int, activation: Tensor, targets: Tensor | None = None) -> Tensor:
        """Outputs from the activation at `cut`; `forward_from(0, x)` equals `forward(x)`."""
        return self.answer(self.facts.chain.suffix(cut)(activation), targets)

    def answer(self, features: Tensor, targets: Tensor | None = None) -> Tensor:
        """Outputs from the features of the backbone."""
        forced = getattr(self.head, "forced", False)
        out: Tensor = self.head(features, targets) if forced else self.head(features)
        return out

    def at_once(self, targets: Tensor) -> int:
        """How many of the samples with these targets to give it at once where no gradient is asked for: what is kept of
        outputs is small, but logits of all tokens of a language are not.
        """
        most = getattr(self.head, "at_once", None)
        return len(targets) if most is None else int(most(targets))

    def clone(self) -> Network:
        """A copy with weights of its own."""
        backbone = dataclasses.replace(self.facts, chain=self.facts.chain.clone())
        return Network(backbone, copy.deepcopy(self.head))
