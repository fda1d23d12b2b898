"""Edits to a network before a recipe's first step."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from torch import nn

from warmstart.errors import RecipeError
from warmstart.model.adapters.base import drawn, example_input
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.catalog import untrained_module
from warmstart.model.detect.base import Detector
from warmstart.model.head import LinearHead
from warmstart.model.input_layer import input_layer, redraw
from warmstart.model.network import Network
from warmstart.model.segment.decoder import DecoderHead
from warmstart.model.series.channels import PerChannel
from warmstart.model.several import SeveralHead, linear_heads
from warmstart.model.text.language import LanguageHead
from warmstart.model.weights import state_sha256
from warmstart.preprocess.kinds import of_series
from warmstart.preprocess.series import SeriesSpec


def apply_edits(
    network: Network, *, reset: bool | Literal["input"] = False, dropout: float = 0.0, seed: int = 0
) -> Network:
    """Change `network` in place, and return it.

    Args:
        network: what a recipe is about to train.
        reset: put random weights in the backbone, drawn from `seed` by the architecture's default initialisation, and
            in a head that came with weights: rows of the old classifier, one that writes, a detector or a decoder.
            "input": in the layer that sees the input alone, as spread as they were. The card then says so.
        dropout: probability before the head; 0 leaves the head as it is.
        seed: of the random weights.

    Raises:
        RecipeError: the head has no place for dropout.
        BackboneError: there is no single input layer to reset.
    """
    if reset:
        card = _reset_input(network.facts, seed) if reset == "input" else _reset_all(network.facts, seed)
        card = dataclasses.replace(card, weights_sha256=state_sha256(network.backbone.state_dict()))
        network.facts = dataclasses.replace(network.facts, card=card, source_head=None, source_weights=None)
        head = network.head
        drawn_already = isinstance(head, DecoderHead) and not head.adopted
        resets = LinearHead | SeveralHead | LanguageHead | Detector | DecoderHead
        if reset is True and isinstance(head, resets) and not drawn_already:
            head.reset(seed)
    if dropout > 0:
        heads: Sequence[nn.Module] = linear_heads(network.head) or [network.head]
        places = [getattr(head, "dropout", None) for head in heads]
        if not all(isinstance(place, nn.Dropout) for place in places):
            raise RecipeError(
                f"a {type(network.head).__name__} has no dropout before it",
                expected="a head that is trained by gradients, such as the linear one",
                do="leave `dropout` out of the recipe's edits",
            )
        for place in places:
            place.p = dropout  # type: ignore[union-attr]
    return network


def _reset_all(backbone: Backbone, seed: int) -> BackboneCard:
    fresh = untrained_module(backbone.card.name, seed=seed, structure=backbone.structure).state_dict()
    backbone.module.load_state_dict({name: fresh[name] for name in backbone.module.state_dict()})
    return drawn(backbone.card, seed)


def _reset_input(backbone: Backbone, seed: int) -> BackboneCard:
    spec, module = backbone.spec if isinstance(backbone.spec, SeriesSpec) else backbone.preprocess, backbone.module
    if isinstance(module, PerChannel):
        spec, module = of_series(spec).with_channels(1), module.network
    redraw(input_layer(module, example_input(spec, backbone.card)), spec.channels, seed)
    source = f"{backbone.card.source}; the input layer drawn anew, seed {seed}"
    return dataclasses.replace(backbone.card, source=source)
