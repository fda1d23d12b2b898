"""How the features of a text are made of those of its tokens.

It is a module, so that what was computed with another pooling has another address in the store of activations.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.model.uri import Pooling


class Pool(nn.Module):
    """Features of tokens (n, length, d) and their mask (n, length) to those of texts (n, d).

    With the pooling "none" every token keeps its own (n, length, d), and what is behind the end of a text is zero.

    Args:
        pooling: how.
        normalise: whether the features of a text are then scaled to length one.

    >>> hidden, mask = torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]])
    >>> [Pool(pooling)(hidden, mask).flatten().tolist() for pooling in ("mean", "last", "none")]
    [[2.0], [3.0], [1.0, 3.0, 0.0]]
    """

    def __init__(self, pooling: Pooling, normalise: bool = False) -> None:
        super().__init__()
        self.pooling, self.normalise = pooling, normalise and pooling != "none"

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Features."""
        weight = mask.unsqueeze(-1)
        if self.pooling == "none":
            found = hidden.masked_fill(~weight, 0.0)
        elif self.pooling == "cls":
            found = hidden[:, 0]
        elif self.pooling == "last":
            at = mask.sum(1).clamp_min(1) - 1
            found = hidden[torch.arange(hidden.shape[0], device=hidden.device), at]
        elif self.pooling == "max":
            found = hidden.masked_fill(~weight, -torch.inf).amax(1)
        else:
            found = (hidden * weight).sum(1) / weight.sum(1).clamp_min(1)
        return functional.normalize(found, dim=-1) if self.normalise else found

    def extra_repr(self) -> str:
        """Part of the address of features."""
        return f"{self.pooling}, normalise={self.normalise}"
