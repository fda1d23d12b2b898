"""`toy_series`: a tiny convolutional network for time series, public and deterministic, that loads in milliseconds.

It is there to try things out and to test with.
"""

from __future__ import annotations

from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import assemble, drawn, seeded
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.preprocess.series import SeriesSpec

_CARD = BackboneCard(
    name="toy_series",
    architecture="toy_series",
    source="random initialisation, seed 0",
    licence="Apache-2.0",
    trained_on="nothing (random weights)",
    weights_sha256="",
    parameters=0,
    min_size=8,
)
_WIDTHS = (8, 16, 20)


class ToySeriesNet(nn.Module):
    """Series (n, channels, steps) to features (n, 20): three convolutions with batch norm."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        before = (channels, *_WIDTHS)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(nn.Conv1d(a, b, 7, padding=3, bias=False), nn.BatchNorm1d(b), nn.ReLU(inplace=True))
                for a, b in zip(before, _WIDTHS, strict=False)
            )
        )
        self.pool = nn.AdaptiveAvgPool1d(1)
        self.flatten = nn.Flatten()

    def forward(self, x: Tensor) -> Tensor:
        """Pooled features."""
        out: Tensor = self.flatten(self.pool(self.stages(x)))
        return out


class ToySeriesSupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The toy; its "pretrained" weights are those of seed 0."""
        card = _CARD if pretrained else drawn(_CARD, seed)
        return assemble(self.untrained(name, seed=0 if pretrained else seed), SeriesSpec(size=128), card)

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The module with torch's default initialisation."""
        if name:
            raise BackboneError(f"no backbone is called 'toy_series:{name}'", do="use 'toy_series'")
        with seeded(seed):
            return ToySeriesNet()

    def licence(self, name: str) -> str:
        """As the card says."""
        return _CARD.licence


SUPPLIER = ToySeriesSupplier()
