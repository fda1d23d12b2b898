"""What is stored instead of computed again: derived, never declared, and always with the reason.

Storing activations is exact when the part of the network below is frozen and in eval mode, and every epoch sees the
same pixels. Otherwise decoded pixels are kept while they fit. The decision depends on no measurement of this machine: a
resumed run, wherever it goes on, plans the same.
"""

from __future__ import annotations

import math

from warmstart.model.backbone import Backbone
from warmstart.planning.plan import CachePlan, DataFacts
from warmstart.planning.profile import profile
from warmstart.recipe.phase import Phase

WORTH = 16
"""Least operations per stored byte: a core does some 10^10 operations while it reads 10^9 bytes. A 3 x 3 convolution on
colour images, 13.5 per byte, lies below it: a stem alone would fill the store to save next to nothing."""


def plan_cache(phase: Phase, backbone: Backbone, data: DataFacts, cut: int, size: int, budget: int) -> CachePlan:
    """The cache of one phase whose training starts from `cut`; activations are float32, `budget` is in bytes.

    The deepest cut whose activations fit is taken, since nothing below it is then computed twice; it lies before `cut`
    only where the activations at `cut` do not fit.
    """
    obstacle = _obstacle(phase, backbone, cut)
    if not obstacle:
        sizes = {at: activation_bytes(backbone, data, at, size) for at in range(cut, 0, -1)}
        at = next((at for at, n in sizes.items() if n <= budget), 0)
        if at and _is_worth(backbone, at, size):
            return CachePlan("activations", at, sizes[at], _why_stored(backbone, at, cut))
        least = megabytes(min(sizes.values()))
        obstacle = f"activations would take {least}, more than the {megabytes(budget)} allowed"
        if at:
            obstacle = f"computing the activations at {backbone.chain.cuts[at].name!r} is as cheap as reading them"
    pixels = pixel_bytes(backbone, data, size, cropped=phase.augment == "none")
    if pixels <= budget:
        return CachePlan("pixels", 0, pixels, f"{obstacle}; decoded images are kept")
    why = f"{obstacle}; decoded images would take {megabytes(pixels)}, more than the {megabytes(budget)} allowed"
    return CachePlan("nothing", 0, 0, why)


def plan_features(backbone: Backbone, data: DataFacts, size: int) -> CachePlan:
    """The cache of a closed-form head: the features of all samples, which it needs at once whatever their size."""
    last = len(backbone.chain.cuts) - 1
    why = "the backbone is frozen, so the features of every image are computed once and all heads share them"
    return CachePlan("activations", last, activation_bytes(backbone, data, last, size), why)


def activation_bytes(backbone: Backbone, data: DataFacts, cut: int, size: int) -> int:
    """Size of the activations at `cut` of all training and validation samples, float32."""
    return 4 * math.prod(backbone.chain.activation_shape(cut, size)) * (data.train + data.val)


def pixel_bytes(backbone: Backbone, data: DataFacts, size: int, *, cropped: bool) -> int:
    """Size of all decoded images, uint8. Uncropped ones are taken to be 4:3 and `size / crop_pct` on the short side."""
    spec = backbone.preprocess
    side = round(size / spec.crop_pct) if spec.resize == "shortest" and not cropped else size
    area = side * side if side == size else side * side * 4 // 3
    return spec.channels * area * (data.train + data.val)


def megabytes(n: int) -> str:
    """A number of bytes as a person reads it.

    >>> megabytes(3_400_000), megabytes(5 * 2**30)
    ('3.4 MB', '5.4 GB')
    """
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= step:
            return f"{n / step:.1f} {unit}" if n < 10 * step else f"{n / step:.0f} {unit}"
    return f"{n} B"


def _obstacle(phase: Phase, backbone: Backbone, cut: int) -> str:
    """Why activations cannot be stored; empty if they can."""
    if phase.norm == "train_all":
        return "normalisation statistics move in frozen blocks too, so their activations change"
    if cut == 0 and backbone.chain.why_uncut:
        return f"the network cannot be cut ({backbone.chain.why_uncut})"
    if cut == 0:
        return "training reaches down to the first layer, so every activation changes"
    if phase.augment != "none":
        return f"images are augmented anew in every epoch ({phase.augment}), so their activations change"
    if phase.mixup > 0 or phase.cutmix > 0:
        return "images are mixed before the network sees them, so their activations change"
    return ""


def _is_worth(backbone: Backbone, at: int, size: int) -> bool:
    """Whether what lies below is slower to compute than its result is to read."""
    stored = 4 * math.prod(backbone.chain.activation_shape(at, size))
    return profile(backbone, 0, at, size).flops >= WORTH * stored


def _why_stored(backbone: Backbone, at: int, cut: int) -> str:
    name = (
        "the features" if at == len(backbone.chain.cuts) - 1 else f"the activations at {backbone.chain.cuts[at].name!r}"
    )
    why = f"all below is frozen and images are not augmented, so {name} are computed once"
    if at < cut:
        why += f" (those at {backbone.chain.cuts[cut].name!r}, where training starts, do not fit)"
    return why
