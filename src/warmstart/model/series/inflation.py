"""Networks for series that see all channels together, in a first layer that has as many: for another number of them.

Random weights are those of the architecture with so many channels. Weights that were trained are spread over the new
channels as those of images are (`warmstart.model.bands`): from C to N, channel j has C / N times the weights of channel
j mod C.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import assemble, seeded
from warmstart.model.backbone import Backbone
from warmstart.model.bands import spread
from warmstart.model.from_data import from_data
from warmstart.preprocess.kinds import of_series


@runtime_checkable
class Multichannel(Protocol):
    """A module whose first layers see all channels together."""

    first: str
    """Name of a weight (outputs, channels, ...) that sees the input."""

    def of_channels(self, channels: int) -> nn.Module:
        """The same architecture for so many channels, with random weights."""
        ...


def channels_in(module: Multichannel, tensors: Mapping[str, Tensor]) -> int | None:
    """How many channels the weights of a file were trained on; `None` if the module's first weight is not among them.

    >>> from warmstart.model.series.fcn import FCN
    >>> channels_in(FCN(), {f"backbone.{name}": tensor for name, tensor in FCN(3).state_dict().items()})
    3
    """
    named = (tensor for name, tensor in tensors.items() if f".{name}".endswith(f".{module.first}"))
    return next((tensor.shape[1] for tensor in named if tensor.ndim > 1), None)


def rechannelled(backbone: Backbone, channels: int, drawn: int | None) -> Backbone:
    """The backbone for so many channels, as the module docstring says; `drawn` is the seed of random weights.

    Raises:
        BackboneError: its weights cannot be spread, for the architecture has other layers for so many channels.
    """
    old, spec, card = backbone.module, of_series(backbone.spec), backbone.card
    assert isinstance(old, Multichannel)
    with seeded(drawn or 0):
        new = old.of_channels(channels)
    if (part := from_data(old)) is not None:
        if part.learned:
            raise _other_channels(card.name, spec.channels, channels)
    elif drawn is not None:
        card = dataclasses.replace(card, source=f"random initialisation, seed {drawn}")
    else:
        have = old.state_dict()
        wanted = new.state_dict()
        if have.keys() != wanted.keys():
            raise _other_channels(card.name, spec.channels, channels)
        chosen = tuple(j % spec.channels for j in range(channels))
        fitting = {n: t if t.shape == wanted[n].shape else spread(t, chosen) for n, t in have.items()}
        new.load_state_dict(fitting)
        card = dataclasses.replace(card, source=f"{card.source}; the first layer adapted from {spec.channels} channels")
    found = assemble(new, spec.with_channels(channels), card)
    return dataclasses.replace(backbone, chain=found.chain, spec=found.spec, card=found.card, source_head=None)


def _other_channels(name: str, trained: int, wanted: int) -> BackboneError:
    return BackboneError(
        f"{wanted} channels for {name!r}, whose weights were trained on {trained}",
        expected="as many channels: with another number of them this architecture has other layers",
        do=f"use series of {trained} channels, or train the architecture on yours",
    )
