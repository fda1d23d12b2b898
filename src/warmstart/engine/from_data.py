"""Before a recipe runs, a network that takes its state from data sees the inputs of the training part alone."""

from __future__ import annotations

import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.data.stores import batches_of
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided, Listener, silent
from warmstart.model.backbone import Backbone
from warmstart.model.from_data import from_data

_AT_ONCE = 256


def learn_from(data: RunData, backbone: Backbone, seed: int, listener: Listener = silent) -> None:
    """Let `backbone` learn, in place. Nothing is done to one that needs no data, or has learned where it comes from."""
    part, train = from_data(backbone.module), data.split.train
    if part is None or part.learned:
        return

    def rows(positions: IntArray) -> Tensor:
        return torch.cat([batch.inputs for batch in batches_of(data.store, train[positions], batch_size=_AT_ONCE)])

    part.learn(len(train), rows, seed)
    name, noun = backbone.card.name, data.facts.noun
    listener(Decided(f"{name} took its state from {len(train)} training {noun}, without their labels"))
