"""Edits to a network before a recipe's first step."""

from __future__ import annotations

import dataclasses

from torch import nn

from warmstart.errors import RecipeError
from warmstart.model.adapters.base import drawn
from warmstart.model.catalog import untrained_module
from warmstart.model.head import LinearHead
from warmstart.model.network import Network
from warmstart.model.weights import state_sha256


def apply_edits(network: Network, *, reset: bool = False, dropout: float = 0.0, seed: int = 0) -> Network:
    """Change `network` in place, and return it.

    Args:
        network: what a recipe is about to train.
        reset: put random weights in the backbone, drawn from `seed` by the architecture's default initialisation, and
            in a linear head, which may have rows of the old classifier. The card then says so.
        dropout: probability before the head; 0 leaves the head as it is.
        seed: of the random weights.

    Raises:
        RecipeError: the head has no place for dropout.
    """
    if reset:
        facts = network.facts
        fresh = untrained_module(facts.card.name, seed=seed, structure=facts.structure).state_dict()
        network.backbone.load_state_dict({name: fresh[name] for name in network.backbone.state_dict()})
        card = dataclasses.replace(
            drawn(network.facts.card, seed), weights_sha256=state_sha256(network.backbone.state_dict())
        )
        network.facts = dataclasses.replace(network.facts, card=card, source_head=None)
        if isinstance(network.head, LinearHead):
            network.head.reset(seed)
    if dropout > 0:
        place = getattr(network.head, "dropout", None)
        if not isinstance(place, nn.Dropout):
            raise RecipeError(
                f"a {type(network.head).__name__} has no dropout before it",
                expected="a head that is trained by gradients, such as the linear one",
                do="leave `dropout` out of the recipe's edits",
            )
        place.p = dropout
    return network
