"""What is expected of a backbone before any sample is seen: how good it was on the data that it was trained for.

A fixed ranking by quality and size says more of where a backbone ends up on new data than most measures of its features
do; still it is only where the search begins, and what decides is measured. In this order:

1. `published`: accuracy on ImageNet-1k that whoever published these weights states.
2. `architecture`: what is published for other weights of the same architecture.
3. `size`: a line through the published ones over the logarithm of operations, VGG left out, whose fully connected
   layers cost much and bring little. On the 61 networks that is 2.3 points off on average, rank correlation 0.78.
4. `none`: random weights, about which nothing is known to be good.

Those for texts are not ranked (`unrated`): no one measure is published of most of them, and by what each was trained
to, a small one may be ahead of a large one. They are looked at in the order in which they are named or listed.

Where 2 or 3 stands for weights that have seen more than ImageNet-1k, `MORE` is added.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Literal

import numpy as np

from warmstart.model.table import Row, rows

Basis = Literal["published", "architecture", "size", "unrated", "none"]
MORE = 1.7
"""Points that pretraining on ImageNet-21k adds to training on ImageNet-1k: ConvNeXt-T, -S, -B, -L had 82.1, 83.1, 83.8,
84.3 and got 82.9, 84.6, 85.8, 86.6, Swin-B 83.5 and 85.2 (Liu et al. 2022, A ConvNet for the 2020s, table 1)."""
_PLAIN = "ImageNet-1k"


@dataclasses.dataclass(frozen=True)
class Prior:
    """Accuracy on ImageNet-1k in per cent, or what is put in its place, and what it rests on."""

    score: float
    basis: Basis


def prior(row: Row) -> Prior:
    """The prior of a row of the table, or of one made for a backbone that is not in it.

    >>> by_name = {row.name: row for row in rows()}
    >>> prior(by_name["torchvision:resnet50.IMAGENET1K_V2"])
    Prior(score=80.858, basis='published')
    >>> prior(by_name["vgg16"]), prior(by_name["toy"])
    (Prior(score=71.6, basis='architecture'), Prior(score=0.0, basis='none'))
    """
    if row.trained_on.startswith("nothing"):
        return Prior(0.0, "none")
    if row.modality != "image":
        return Prior(0.0, "unrated")
    if row.top1 is not None:
        return Prior(row.top1, "published")
    more = 0.0 if row.trained_on.startswith(_PLAIN) or row.trained_on == "unknown" else MORE
    if row.architecture in (same := _by_architecture()):
        return Prior(round(same[row.architecture] + more, 1), "architecture")
    if not row.gflops:
        return Prior(0.0, "none")
    start, slope = _line()
    most = max(known.top1 for known in rows() if known.top1 is not None)
    return Prior(round(min(start + slope * math.log10(row.gflops) + more, most), 1), "size")


def _plain() -> list[tuple[Row, float]]:
    """Rows of ImageNet-1k alone whose accuracy is published, with it."""
    return [(row, row.top1) for row in rows() if row.top1 is not None and row.trained_on == _PLAIN]


@functools.cache
def _by_architecture() -> dict[str, float]:
    found: dict[str, float] = {}
    for row, top1 in _plain():
        found[row.architecture] = max(top1, found.get(row.architecture, 0.0))
    return found


@functools.cache
def _line() -> tuple[float, float]:
    """(accuracy at 1 GFLOP, points per factor of ten), by least squares."""
    known = [(row, top1) for row, top1 in _plain() if row.gflops and not row.architecture.startswith("vgg")]
    slope, start = np.polyfit([math.log10(row.gflops or 1.0) for row, _ in known], [top1 for _, top1 in known], 1)
    return float(start), float(slope)
