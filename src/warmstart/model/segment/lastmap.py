"""torchvision's heads on the last map of a dilated backbone: they need no extra."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torchvision.models.segmentation.deeplabv3 import DeepLabHead
from torchvision.models.segmentation.fcn import FCNHead

from warmstart.model.maps import Maps
from warmstart.model.options import one_of
from warmstart.model.segment.design import Options

_STRIDES = (8, 16)


@dataclasses.dataclass(frozen=True)
class LastMap:
    """A head of torchvision: FCN (Long et al. 2015), or DeepLabV3 (Chen et al. 2017)."""

    name: str
    kind: Literal["fcn", "deeplabv3"]

    def defaults(self) -> Options:
        """The stride of the map that it reads, and dilations of DeepLab's branches."""
        found: Options = {"output_stride": _STRIDES[0]}
        return found if self.kind == "fcn" else found | {"atrous_rates": (12, 24, 36)}

    def strides(self, options: Options) -> tuple[tuple[int, ...], ...]:
        """The output stride alone."""
        return ((self.output_stride(options),),)

    def output_stride(self, options: Options) -> int:
        """8 or 16."""
        one_of(self.name, "output_stride", options["output_stride"], _STRIDES)
        return int(options["output_stride"])

    def ladder(self, maps: Maps) -> tuple[int | None, ...]:
        """The one map."""
        return (maps.strides[-1],)

    def parts(self, maps: Maps, classes: int, options: Options) -> tuple[nn.Module, nn.Module]:
        """The head without its last convolution, and that, drawn from torch's generator."""
        rates = options.get("atrous_rates")
        channels = maps.channels[-1]
        whole = FCNHead(channels, classes) if rates is None else DeepLabHead(channels, classes, rates)
        *layers, last = whole.children()
        return _OnLast(*layers), last


class _OnLast(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        found: Tensor = self.layers(maps[-1])
        return found


FCN = LastMap("fcn", "fcn")
DEEPLABV3 = LastMap("deeplabv3_torchvision", "deeplabv3")
