"""Heads of whole segmenters that need no extra: LR-ASPP as torchvision has it, SegFormer's as transformers has it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.model.maps import Maps
from warmstart.model.segment.design import Options

_STRIDES = {"lraspp": (8, 16), "segformer": (4, 8, 16, 32)}


@dataclasses.dataclass(frozen=True)
class WholeHead:
    """Lite R-ASPP (Howard et al. 2019, "Searching for MobileNetV3", section 6.4), or the head of SegFormer, layers of
    perceptrons alone (Xie et al. 2021).
    """

    name: str
    kind: Literal["lraspp", "segformer"]

    def defaults(self) -> Options:
        """Channels between maps and logits."""
        return {"channels": 128 if self.kind == "lraspp" else 256}

    def strides(self, options: Options) -> tuple[tuple[int, ...], ...]:
        """Two, or all four."""
        return (_STRIDES[self.kind],)

    def output_stride(self, options: Options) -> int | None:
        """LR-ASPP wants the last maps at a stride of 16."""
        return 16 if self.kind == "lraspp" else None

    def ladder(self, maps: Maps) -> tuple[int | None, ...]:
        """Each map, the finest first."""
        return tuple(maps.strides)

    def parts(self, maps: Maps, classes: int, options: Options) -> tuple[nn.Module, nn.Module]:
        """The head without its last convolutions, and these, drawn from torch's generator."""
        wide = int(options["channels"])
        if self.kind == "lraspp":
            low, high = maps.channels
            return _LiteAspp(high, wide), _Both(wide, low, classes)
        return _Projected(maps.channels, wide), nn.Conv2d(wide, classes, 1)


class _LiteAspp(nn.Module):
    """The coarse map, weighted by its mean and enlarged, beside the fine one: (n, wide + low, H, W)."""

    def __init__(self, high: int, wide: int) -> None:
        super().__init__()
        self.cbr = nn.Sequential(nn.Conv2d(high, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU(inplace=True))
        self.scale = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(high, wide, 1, bias=False), nn.Sigmoid())

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        low, high = maps
        weighted = self.cbr(high) * self.scale(high)
        return torch.cat([_enlarged(weighted, low), low], 1)


class _Both(nn.Module):
    """A classifier of each of the two maps that lie in one; the sum of what they say."""

    def __init__(self, wide: int, low: int, classes: int) -> None:
        super().__init__()
        self.high, self.low = nn.Conv2d(wide, classes, 1), nn.Conv2d(low, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        high, low = torch.split(x, [self.high.in_channels, self.low.in_channels], 1)
        found: Tensor = self.high(high) + self.low(low)
        return found


class _Projected(nn.Module):
    """All maps with as many channels, at the size of the finest, put together."""

    def __init__(self, channels: Sequence[int], wide: int) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(each, wide) for each in channels)
        self.fuse = nn.Sequential(
            nn.Conv2d(wide * len(channels), wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU(inplace=True)
        )

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        found = [
            _enlarged(project(each.movedim(1, -1)).movedim(-1, 1), maps[0])
            for project, each in zip(self.projections, maps, strict=True)
        ]
        fused: Tensor = self.fuse(torch.cat(found[::-1], 1))
        return fused


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)


LRASPP = WholeHead("lraspp", "lraspp")
SEGFORMER = WholeHead("segformer_transformers", "segformer")
