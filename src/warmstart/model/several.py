"""Heads of several tasks over the same features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from warmstart.model.head import LinearHead, build_head


class SeveralHead(nn.Module):
    """The heads of several tasks side by side: features (n, d) to their outputs, one behind the other (n, outputs).

    >>> head = SeveralHead([LinearHead(4, 2), LinearHead(4, 1)])
    >>> head(torch.zeros(3, 4)).shape, head.config["outputs"]
    (torch.Size([3, 3]), 3)
    """

    def __init__(self, heads: Sequence[nn.Module]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (n, outputs)."""
        return torch.cat([head(x) for head in self.heads], dim=1)

    def reset(self, seed: int) -> None:
        """Draw the weights of linear heads anew, each from a seed of its own."""
        for number, head in enumerate(self.heads):
            if isinstance(head, LinearHead):
                head.reset(seed + number)

    @property
    def config(self) -> dict[str, Any]:
        """What `build_head` needs; `outputs` of all heads together."""
        configs = [cast(dict[str, Any], head.config) for head in self.heads]
        return {"kind": "several", "heads": configs, "outputs": sum(config["outputs"] for config in configs)}


def build(heads: Sequence[dict[str, Any]], outputs: int) -> SeveralHead:
    """The head of `SeveralHead.config`. Raises `ValueError` where its parts have not as many outputs."""
    found = SeveralHead([build_head(config) for config in heads])
    if found.config["outputs"] != outputs:
        raise ValueError(f"heads of {found.config['outputs']} outputs together, and {outputs} are written down")
    return found


def linear_heads(head: nn.Module) -> list[LinearHead] | None:
    """The linear heads that a head is made of, itself if it is one; `None` where some part is another.

    >>> len(linear_heads(SeveralHead([LinearHead(4, 2), LinearHead(4, 1)])) or ())
    2
    """
    parts = list(head.heads) if isinstance(head, SeveralHead) else [head]
    found = [part for part in parts if isinstance(part, LinearHead)]
    return found if len(found) == len(parts) else None
