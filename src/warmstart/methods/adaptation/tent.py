"""Adaptation at test time, to the very inputs that are to be predicted (TENT, Wang et al. 2021)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.methods.adaptation.losses import entropy
from warmstart.methods.adaptation.statistics import take_statistics
from warmstart.model.network import Network
from warmstart.model.norms import is_norm

LR, PRIOR = 1e-3, 16.0


def tent(
    network: Network,
    batches: Iterable[Tensor],
    *,
    lr: float = LR,
    epochs: int = 1,
    statistics: bool = True,
    prior: float = PRIOR,
) -> Network:
    """A copy of a network that is surer of some inputs: no label is known, and none is asked for.

    Scales and shifts of normalisation layers are trained so that the entropy of predictions falls (section 3.2), by
    Adam; all else stays. Batch normalisation takes its statistics from the inputs first. They are those of all inputs
    and not of each batch, and the old ones count as `prior` inputs beside them (Schneider et al. 2020, eq. 3): what a
    batch holds then does not matter, and few inputs do no harm. What is predicted of an input depends on the others.

    Args:
        network: that tells classes; it is not changed.
        batches: inputs (n, ...) as the network takes them, on its device; gone through `epochs` times, and once before.
        lr: of Adam.
        epochs: passes with a step for each batch.
        statistics: whether batch normalisation takes its statistics from the inputs, too. That does good only where the
            weights were trained under those of the training data; a network that was tuned under the statistics of its
            pretraining, as recipes do that say nothing else, loses by it.
        prior: how many inputs the statistics of the training count as.

    Raises:
        BackboneError: no normalisation layer has a scale or a shift.

    >>> from warmstart.model.catalog import load_backbone
    >>> backbone = load_backbone("toy")
    >>> with torch.random.fork_rng():
    ...     _ = torch.manual_seed(0)
    ...     network = Network(backbone, nn.Linear(backbone.out_features, 2))
    >>> inputs = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> surer = tent(network, [inputs], lr=1e-2)
    >>> bool(entropy(surer(inputs)).mean() < entropy(network.eval()(inputs)).mean())
    True
    """
    found = network.clone().eval()
    trained = scales_and_shifts(found.backbone)
    if not trained:
        raise BackboneError(
            f"{network.facts.card.name!r} has no normalisation layer with a scale or a shift, which tent adapts",
            expected="a network with batch or layer normalisation",
            do="predict without adapting",
        )
    if statistics:
        take_statistics(found, batches, prior=prior)
    found.requires_grad_(False)
    for parameter in trained:
        parameter.requires_grad_(True)
    optimizer = torch.optim.Adam(trained, lr)
    for _ in range(epochs):
        for batch in batches:
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(entropy(found(batch).float()).mean())
            optimizer.step()
    return found.requires_grad_(True)


def scales_and_shifts(module: nn.Module) -> list[nn.Parameter]:
    """The parameters of all normalisation layers."""
    return [p for part in module.modules() if is_norm(part) for p in part.parameters(recurse=False)]
