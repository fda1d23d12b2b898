"""Several networks as one: the mean of their probabilities, as logits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def combine(outputs: Sequence[Tensor], weights: Sequence[float] | None = None) -> Tensor:
    """Logits (n, classes) of the weighted mean of softmax probabilities; `weights` need not sum to 1.

    The result is the log of the mean probability, so its softmax is that mean, and it goes wherever logits go.

    >>> combine([torch.tensor([[0.0, 0.0]]), torch.tensor([[9.0, 9.0]])]).exp().tolist()
    [[0.5, 0.5]]
    """
    shares = torch.ones(len(outputs)) if weights is None else torch.tensor(weights, dtype=torch.float64)
    if len(outputs) == 0 or len(shares) != len(outputs) or bool((shares < 0).any()) or float(shares.sum()) <= 0:
        raise ValueError(f"{len(outputs)} outputs cannot be combined with weights {weights}")
    logs = torch.stack([o.double().log_softmax(1) for o in outputs])
    combined = (logs + (shares.double() / shares.sum()).log()[:, None, None]).logsumexp(0)
    return combined.to(outputs[0].dtype)
