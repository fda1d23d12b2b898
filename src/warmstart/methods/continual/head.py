"""A head with more outputs than before: the rows that it had stay as they are, and new ones begin sensibly."""

from __future__ import annotations

import torch
from torch import Tensor

from warmstart.data.targets import TaskName
from warmstart.errors import BundleError
from warmstart.model.head import LinearHead


@torch.no_grad()
def extended(head: LinearHead, outputs: int, task: TaskName, features: Tensor, targets: Tensor) -> LinearHead:
    """A head of `outputs` rows, the first of which are those of `head`, bit for bit.

    The row of a new class points from the mean of all other samples at hand to that of its own (weight imprinting, Qi
    et al. 2018, section 3.2), as long as the rows that are there are on average, and with a bias by which its samples
    get on average as much as their best old class. A label among several begins with weights of zero and the log-odds
    of its share.

    Args:
        head: that of the network so far.
        outputs: how many are wanted.
        task: what is answered.
        features: of training samples (n, features).
        targets: of the same samples, as the task has them.

    >>> old = LinearHead(2, 1)
    >>> new = extended(old, 2, "classify", torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.tensor([1, 1]))
    >>> torch.equal(new.linear.weight[0], old.linear.weight[0]), bool(new.linear.weight[1, 0] > 0)
    (True, True)
    """
    had = head.linear.out_features
    new = LinearHead(head.linear.in_features, outputs, head.dropout.p)
    weight, bias = (torch.zeros_like(each) for each in (new.linear.weight, new.linear.bias))
    weight[:had], bias[:had] = head.linear.weight, head.linear.bias
    rows = (features.float() - head.mean) / head.std
    for row in range(had, outputs):
        if task == "classify":
            weight[row], bias[row] = _imprinted(head, rows, targets == row)
        else:
            bias[row] = _log_odds(targets[:, row])
    new.set_linear(weight, bias, head.mean, head.std)
    return new


def _imprinted(head: LinearHead, rows: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Weight (features,) and bias of a class, of standardised features (n, features) and which are its own (n,)."""
    old = head.linear.weight
    if not bool(own.any()):
        return torch.zeros_like(old[0]), torch.zeros(())
    centre = rows[~own].mean(0) if bool((~own).any()) else torch.zeros_like(old[0])
    way = rows[own].mean(0) - centre
    weight = way / way.norm().clamp_min(1e-12) * old.norm(dim=1).mean()
    par = (rows[own] @ old.T + head.linear.bias).max(1).values
    return weight, par.mean() - (rows[own] @ weight).mean()


def _log_odds(targets: Tensor) -> Tensor:
    known = targets[~targets.isnan()]
    share = ((known.sum() + 0.5) / (len(known) + 1)).clamp(1e-4, 1 - 1e-4)
    return torch.logit(share)


def linear_head(head: torch.nn.Module) -> LinearHead:
    """The head, which has to be a linear one.

    Raises:
        BundleError: it is another, which has no row for each class and learns nothing by gradients.
    """
    if not isinstance(head, LinearHead):
        kind = getattr(head, "config", {}).get("kind", type(head).__name__)
        raise BundleError(
            f"the head of the bundle is of the kind {kind!r}, which has no row for each class",
            expected="a linear head, as nearly all recipes leave one",
            do="start anew from its backbone: warmstart fit DATA --backbone bundle:FOLDER",
        )
    return head
