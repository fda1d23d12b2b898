"""Prototypes: the mean of the features of each class, of which the nearest is the answer."""

from __future__ import annotations

from torch import Tensor


def prototypes(support: Tensor, ways: int) -> Tensor:
    """Means (..., ways, d) of features (..., ways * shots, d) that lie class by class (Snell et al. 2017, eq. 1).

    >>> import torch
    >>> prototypes(torch.tensor([[0.0], [2.0], [5.0], [7.0]]), 2).flatten().tolist()
    [1.0, 6.0]
    """
    return support.reshape(*support.shape[:-2], ways, -1, support.shape[-1]).mean(-2)


def nearest(support: Tensor, queries: Tensor, ways: int) -> Tensor:
    """Logits (..., m, ways) of queries (..., m, d): minus the squared distance to each prototype (eq. 2).

    >>> import torch
    >>> nearest(torch.tensor([[0.0], [6.0]]), torch.tensor([[1.0]]), 2).tolist()
    [[-1.0, -25.0]]
    """
    means = prototypes(support, ways)
    return -(queries.unsqueeze(-2) - means.unsqueeze(-3)).square().sum(-1)
