"""`fcn1d`, `resnet1d`, `inceptiontime`: the convolutional networks for time series that others are compared with.

Nobody publishes weights of them, so they start from random ones. Weights that you trained yourself are read by
`file:fcn1d@weights.safetensors`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from torch import nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import assemble, drawn, seeded
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.series.fcn import FCN
from warmstart.model.series.inception import InceptionNetwork
from warmstart.model.series.resnet import ResNet1D
from warmstart.preprocess.series import SeriesSpec

_SHORTEST = 4
"""Steps; shorter ones would run, but hold nothing but padding in most places of a kernel."""


@dataclasses.dataclass(frozen=True)
class Convolutional:
    """See `warmstart.model.adapters.base.Supplier`. Whether pretrained or not, the weights are drawn from the seed."""

    scheme: str
    architecture: Callable[[], nn.Module]

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The network with random weights, which its card says."""
        card = BackboneCard(self.scheme, self.scheme, "", "", "", "", 0, min_size=_SHORTEST)
        return assemble(self.untrained(name, seed=seed), SeriesSpec(), drawn(card, seed))

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The module for one channel, with the initialisation that it was published with."""
        if name:
            raise BackboneError(f"no backbone is called '{self.scheme}:{name}'", do=f"use '{self.scheme}'")
        with seeded(seed):
            return self.architecture()

    def licence(self, name: str) -> str:
        """None is needed for random weights."""
        return "none needed"


FCN1D = Convolutional("fcn1d", FCN)
RESNET1D = Convolutional("resnet1d", ResNet1D)
INCEPTIONTIME = Convolutional("inceptiontime", InceptionNetwork)
