"""`series`: a small patch transformer for one channel, with weights that lie in this package.

`series.json` beside the weights says what they were trained on and how: the corpus, the recipe, the seed, the command
and the learning curve. They saw generated series alone, so that no data set's test part can be among what they know.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from torch import nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import assemble, drawn, seeded
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.series import patches
from warmstart.model.series.patches import PatchNet
from warmstart.model.weights import read_weights
from warmstart.preprocess.series import SeriesSpec

NAME = "series"
WEIGHTS = Path(patches.__file__).with_name("series.safetensors")
FACTS = WEIGHTS.with_suffix(".json")
SIZE = 512
"""Steps that the weights were trained at; series of other lengths are resampled."""


class SeriesSupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The network with the embedded weights, or with random ones."""
        module, spec, card = self.untrained(name, seed=seed), SeriesSpec(size=SIZE), _card()
        if not pretrained:
            return assemble(module, spec, drawn(card, seed))
        said = facts()
        state = read_weights(WEIGHTS, sha256=said["weights"]["sha256"])
        module.load_state_dict({name: tensor.float() for name, tensor in state.items()})
        return assemble(module, spec, card)

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The module with torch's default initialisation."""
        if name:
            raise BackboneError(f"no backbone is called '{NAME}:{name}'", do=f"use '{NAME}'")
        with seeded(seed):
            return PatchNet()

    def licence(self, name: str) -> str:
        """As the card says."""
        return _card().licence


@functools.cache
def facts() -> dict[str, Any]:
    """What `series.json` says."""
    found: dict[str, Any] = json.loads(FACTS.read_text(encoding="utf-8"))
    return found


def _card() -> BackboneCard:
    trained = ", ".join(one["text"] for one in facts()["corpus"]) if FACTS.is_file() else ""
    return BackboneCard(
        name=NAME,
        architecture="patch transformer (warmstart.model.series.patches)",
        source="trained by this project, in the package; series.json beside the weights says how",
        licence="Apache-2.0",
        trained_on=trained,
        weights_sha256="",
        parameters=0,
        min_size=16,
        fixed_size=True,
    )


SUPPLIER = SeriesSupplier()
