"""What is stored instead of computed again: derived, never declared, and always with the reason.

Storing activations is exact when the part of the network below is frozen and in eval mode, and every epoch sees the
same pixels. Otherwise decoded pixels are kept while they fit. The decision depends on no measurement of this machine: a
resumed run, wherever it goes on, plans the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from warmstart.model.activation import ActivationDtype, sample_bytes
from warmstart.model.backbone import Backbone
from warmstart.planning.plan import CacheLimits, CachePlan, DataFacts, HeadPlan, PhasePlan, StatisticsPlan, StepPlan
from warmstart.planning.profile import profile
from warmstart.preprocess.series import SeriesSpec
from warmstart.preprocess.text import TextSpec
from warmstart.recipe.of_backbone import Masked, Pretrain, Views
from warmstart.recipe.phase import GradientStep, Phase

WORTH = 16
"""Operations that take as long as reading one stored byte: a core does some 10^10 while it reads 10^9 bytes. A 3 x 3
convolution on colour images, 13.5 per byte, lies below it: a stem alone would fill the store to save next to nothing.
"""


def plan_cache(
    phase: GradientStep, backbone: Backbone, data: DataFacts, cut: int, size: int, limits: CacheLimits
) -> CachePlan:
    """The cache of one phase whose training starts from `cut`.

    Of the cuts whose activations fit, the one from which an epoch is fastest: the time to read them, and to compute
    what lies between there and `cut`. That is `cut` itself, but where its activations are large.
    """
    obstacle = _obstacle(phase, backbone, cut)
    if not obstacle:
        sizes = _smaller(backbone, data, cut, size, views(phase), limits.dtype)
        fitting = {at: n for at, n in sizes.items() if n <= limits.total}
        at = min((0, *fitting), key=lambda at: (_cost(backbone, at, cut, size, limits.dtype), -at))
        if at:
            why = _why_stored(phase, backbone, at, cut)
            held = sizes[at] <= limits.memory
            return CachePlan("activations", at, sizes[at], why, "memory" if held else "disk", limits.dtype)
        least = megabytes(min(sizes.values()))
        obstacle = f"activations would take {least}, more than the {megabytes(limits.total)} allowed"
        if fitting:
            name = backbone.chain.cuts[max(fitting)].name
            obstacle = f"computing the activations at {name!r} is as cheap as reading them"
    pixels = pixel_bytes(backbone, data, size, cropped=phase.augment == "none")
    inputs = {"image": "decoded images", "text": "tokens", "series": "series as they are read"}[data.kind]
    if pixels <= limits.memory:
        return CachePlan("pixels", 0, pixels, f"{obstacle}; {inputs} are kept")
    why = f"{obstacle}; {inputs} would take {megabytes(pixels)}, more than the {megabytes(limits.memory)} allowed"
    return CachePlan("nothing", 0, 0, why)


def plan_features(backbone: Backbone, data: DataFacts, size: int) -> CachePlan:
    """The cache of a closed-form head: the features of all samples, which it needs at once whatever their size."""
    last = len(backbone.chain.cuts) - 1
    why = f"the backbone is frozen, so the features of every {data.kind} are computed once and all heads share them"
    return CachePlan("activations", last, activation_bytes(backbone, data, last, size), why)


def plan_ahead(steps: Sequence[StepPlan], backbone: Backbone, limits: CacheLimits) -> tuple[StepPlan, ...]:
    """The steps, each told which lower cuts its pass over the images passes on the way and a later step trains from.

    Nothing below such a cut moves in between, so what is stored there early is exact. The nearest steps come first, as
    far as the limit goes: their activations are the smallest and save the most.
    """
    return tuple(_with_later(steps[i:], backbone, limits) for i in range(len(steps)))


def _with_later(steps: Sequence[StepPlan], backbone: Backbone, limits: CacheLimits) -> StepPlan:
    step = steps[0]
    if not isinstance(step, HeadPlan | PhasePlan) or step.cache.what != "activations" or _augmented(step):
        return step
    left = limits.total - step.cache.bytes
    still = len(backbone.chain.cuts) - 1 if isinstance(step, HeadPlan) else step.cut  # below it, nothing has moved
    found: list[int] = []
    for later in steps[1:]:
        if isinstance(later, StatisticsPlan):
            break  # all that is above the first norm changes
        if not isinstance(later, PhasePlan):
            continue
        cache, at = later.cache, later.cache.cut
        same = (cache.what, cache.dtype, later.size) == ("activations", step.cache.dtype, step.size)
        passed = at <= still and at < step.cache.cut and at not in found
        if same and passed and not _augmented(later) and cache.bytes <= left:
            found.append(at)
            left -= cache.bytes
        still = min(still, later.cut)
    return dataclasses.replace(step, cache=dataclasses.replace(step.cache, also=tuple(found)))


def activation_bytes(
    backbone: Backbone, data: DataFacts, cut: int, size: int, views: int = 1, dtype: ActivationDtype = "fp32"
) -> int:
    """Size of the activations at `cut` of `views` views of each training sample, and of the validation samples."""
    return sample_bytes(backbone.chain.activation_shape(cut, size), dtype) * (views * data.train + data.val)


def pixel_bytes(backbone: Backbone, data: DataFacts, size: int, *, cropped: bool) -> int:
    """Size of all decoded images. Uncropped ones are taken to be 4:3 and `size / crop_pct` on the short side.

    Of texts it is that of their tokens, of series that of their values.
    """
    spec = backbone.spec
    if isinstance(spec, TextSpec):
        return 2 * 4 * size * (data.train + data.val)
    if isinstance(spec, SeriesSpec):
        return spec.channels * 4 * size * (data.train + data.val)
    side = round(size / spec.crop_pct) if spec.resize == "shortest" and not cropped else size
    area = side * side if side == size else side * side * 4 // 3
    return spec.channels * data.value_bytes * area * (data.train + data.val)


def megabytes(n: int) -> str:
    """A number of bytes as a person reads it.

    >>> megabytes(3_400_000), megabytes(5 * 2**30)
    ('3.4 MB', '5.4 GB')
    """
    for unit, step in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= step:
            return f"{n / step:.1f} {unit}" if n < 10 * step else f"{n / step:.0f} {unit}"
    return f"{n} B"


def views(phase: GradientStep) -> int:
    """Versions of each training image whose activations a cache would hold."""
    return 1 if phase.augment == "none" else phase.views


def _augmented(step: HeadPlan | PhasePlan) -> bool:
    return isinstance(step, PhasePlan) and step.phase.augment != "none"


def _smaller(
    backbone: Backbone, data: DataFacts, cut: int, size: int, count: int, dtype: ActivationDtype
) -> dict[int, int]:
    """Bytes at `cut`, and at each lower cut whose activations are smaller than all above it, down to the first."""
    sizes: dict[int, int] = {}
    for at in range(cut, 0, -1):
        n = activation_bytes(backbone, data, at, size, count, dtype)
        if not sizes or n < min(sizes.values()):
            sizes[at] = n
    return sizes


def _cost(backbone: Backbone, at: int, cut: int, size: int, dtype: ActivationDtype) -> int:
    """Operations per sample from what is stored at `at` to `cut`, reading counted as operations (pixels as none)."""
    read = sample_bytes(backbone.chain.activation_shape(at, size), dtype) if at else 0
    return profile(backbone, at, cut, size).flops + WORTH * read


def _obstacle(phase: GradientStep, backbone: Backbone, cut: int) -> str:
    """Why activations cannot be stored; empty if they can."""
    if isinstance(phase, Pretrain | Masked | Views):
        return "the inputs themselves are what is learned from"
    if phase.norm == "train_all":
        return "normalisation statistics move in frozen blocks too, so their activations change"
    if cut == 0 and backbone.chain.why_uncut:
        return f"the network cannot be cut ({backbone.chain.why_uncut})"
    if cut == 0:
        return "training reaches down to the first layer, so every activation changes"
    if phase.augment != "none" and not phase.views:
        return f"images are augmented anew in every epoch ({phase.augment}), so their activations change"
    if isinstance(phase, Phase) and (phase.mixup > 0 or phase.cutmix > 0):
        return "images are mixed before the network sees them, so their activations change"
    return ""


def _why_stored(phase: GradientStep, backbone: Backbone, at: int, cut: int) -> str:
    cuts = backbone.chain.cuts
    name = "the features" if at == len(cuts) - 1 else f"the activations at {cuts[at].name!r}"
    if phase.augment == "none":
        why = f"all below is frozen and inputs are not augmented, so {name} are computed once"
    else:
        each = "one view" if phase.views == 1 else f"{phase.views} views"
        why = f"all below is frozen, so {name} of {each} of each image ({phase.augment}) are computed once"
    if at < cut:
        why += f" (those at {cuts[cut].name!r}, where training starts, take more than computing them from there)"
    return why
