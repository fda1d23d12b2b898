"""`toy` and `toy_series`: tiny true convolutional networks, public and deterministic, that load in milliseconds.

They are there to try things out and to test with; batch norm, in-place activations and, of `toy`, residual sums are as
in large ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import assemble, drawn, seeded
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.preprocess.series import SeriesSpec
from warmstart.preprocess.spec import PreprocessSpec

_WIDTHS = (8, 16, 20)


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.act1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if stride > 1 else nn.Identity()
        self.act2 = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.act1(self.bn1(self.conv1(x)))))
        out: Tensor = self.act2(y + self.shortcut(x))
        return out


class ToyNet(nn.Module):
    """Images (n, 3, h, w) to features (n, 20): a stem and three residual stages, about 12 thousand parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, _WIDTHS[0], 3, 1, 1, bias=False), nn.BatchNorm2d(_WIDTHS[0]), nn.ReLU(inplace=True)
        )
        before = (_WIDTHS[0], *_WIDTHS)
        self.stages = nn.Sequential(
            *(_Residual(a, b, 1 if a == b else 2) for a, b in zip(before, _WIDTHS, strict=False))
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()

    def forward(self, x: Tensor) -> Tensor:
        """Pooled features."""
        out: Tensor = self.flatten(self.pool(self.stages(self.stem(x))))
        return out


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


@dataclasses.dataclass(frozen=True)
class ToySupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    scheme: str
    architecture: Callable[[], nn.Module]
    spec: PreprocessSpec | SeriesSpec

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The toy; its "pretrained" weights are those of seed 0."""
        nothing = "nothing (random weights)"
        source, licence = "random initialisation, seed 0", self.licence(name)
        card = BackboneCard(self.scheme, self.scheme, source, licence, nothing, "", 0, min_size=8)
        if not pretrained:
            card = drawn(card, seed)
        return assemble(self.untrained(name, seed=0 if pretrained else seed), self.spec, card)

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The module with torch's default initialisation."""
        if name:
            raise BackboneError(f"no backbone is called '{self.scheme}:{name}'", do=f"use '{self.scheme}'")
        with seeded(seed):
            return self.architecture()

    def licence(self, name: str) -> str:
        """That of the package."""
        return "Apache-2.0"


IMAGES = ToySupplier(
    "toy",
    ToyNet,
    PreprocessSpec(size=32, crop_pct=1.0, interpolation="bilinear", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
)
SERIES = ToySupplier("toy_series", ToySeriesNet, SeriesSpec(size=128))
