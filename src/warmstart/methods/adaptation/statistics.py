"""Statistics of batch normalisation from other samples than those that were trained on."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from warmstart.model.modes import evaluating


def batch_norms(network: nn.Module) -> list[_BatchNorm]:
    """The layers of a network that normalise by statistics they keep."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]


@torch.no_grad()
def take_statistics(network: nn.Module, batches: Iterable[Tensor], *, prior: float = 0.0, share: float = 1.0) -> int:
    """Replace means and variances by those of inputs (AdaBN, Li et al. 2016, algorithm 1); returns how many those were.

    In every layer they are those of what the layers below, normalised by each batch, make of the inputs. With `prior`
    the old ones count as so many inputs beside the new ones, which is what few of them need (Schneider et al. 2020,
    eq. 3); `share` is that of the new ones besides. Weights, and the modes of all modules, stay as they are.

    Args:
        network: changed in place.
        batches: inputs (n, ...) as the network takes them, on its device; of a batch of one, layers that see one value
            of a channel cannot tell a variance.
        prior: a number of inputs.
        share: from 0 (nothing is changed) to 1.
    """
    norms, seen = batch_norms(network), 0
    before = [(norm.running_mean.clone(), norm.running_var.clone(), norm.momentum) for norm in norms]  # type: ignore[union-attr]
    counted = [None if norm.num_batches_tracked is None else norm.num_batches_tracked.clone() for norm in norms]
    with evaluating(network):
        for norm in norms:
            norm.training = True
        for batch in batches:
            seen += len(batch)
            for norm in norms:
                norm.momentum = len(batch) / seen  # the mean over all inputs so far
            network(batch)
    weight = share * seen / (seen + prior) if seen else 0.0
    for norm, (mean, variance, momentum), count in zip(norms, before, counted, strict=True):
        norm.running_mean.copy_(mean.lerp(norm.running_mean, weight))  # type: ignore[union-attr,arg-type]
        norm.running_var.copy_(variance.lerp(norm.running_var, weight))  # type: ignore[union-attr,arg-type]
        norm.momentum = momentum
        if count is not None and norm.num_batches_tracked is not None:
            norm.num_batches_tracked.copy_(count)
    return seen
