"""`minirocket`: fixed convolutions of time series, whose biases are taken from the training part of the data.

`minirocket:FEATURES` has another number of features than the published one.
"""

from __future__ import annotations

from torch import nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import assemble
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.series.minirocket import FEATURES, KERNELS, STEPS, MiniRocket
from warmstart.model.uri import Uri
from warmstart.preprocess.series import SeriesSpec

NAME = "minirocket"
LONGEST = 2**16
"""Steps of a series, at most."""


class MiniRocketSupplier:
    """See `warmstart.model.adapters.base.Supplier`. Neither `pretrained` nor the seed matters before there are data."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The network before it has seen data."""
        card = BackboneCard(
            name=str(Uri(NAME, name)),
            architecture=str(Uri(NAME, name)),
            source="written here; MiniRocket of Dempster, Schmidt and Webb (2021), the features of aeon's",
            licence=self.licence(name),
            trained_on="nothing (fixed kernels; biases are quantiles of your training part)",
            weights_sha256="",
            parameters=0,
            min_size=STEPS,
        )
        return assemble(self.untrained(name, seed=seed), SeriesSpec(scale="none", limit=LONGEST), card)

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The module for one channel, before it has seen data."""
        if name and not (name.isascii() and name.isdigit() and KERNELS <= int(name) <= FEATURES):
            raise BackboneError(
                f"no backbone is called '{NAME}:{name}'",
                expected=f"'{NAME}', or behind a colon the number of features, {KERNELS} to {FEATURES}",
            )
        return MiniRocket(features=int(name) if name else FEATURES)

    def licence(self, name: str) -> str:
        """None is needed where there are no weights."""
        return "none needed"


SUPPLIER = MiniRocketSupplier()
