"""Inputs of any kind as a backbone is to read them: what kind they are read as is decided here alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from warmstart.api.inputs.images import read_images
from warmstart.api.inputs.scenes import sized
from warmstart.api.inputs.series import for_channels, read_all_series
from warmstart.api.inputs.texts import read_all_texts
from warmstart.api.running.caches import cache_bytes, cache_folder
from warmstart.cache.tokens import TokenShelf
from warmstart.data.audit import Look
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Dataset
from warmstart.data.stores import InputStore
from warmstart.engine.events import Listener
from warmstart.model.backbone import Backbone
from warmstart.planning.compile import DEFAULT
from warmstart.planning.plan import CacheLimits
from warmstart.task.base import suited


def fitted(backbone: Backbone, dataset: Dataset, size: int | None = None) -> Backbone:
    """The backbone in the form in which it takes such inputs and can answer what they ask. Raises `DataError`.

    `size` is what the user asks for; where something is to be marked in images, it is part of that form.
    """
    if backbone.spec.kind == "series":
        backbone = for_channels(backbone, dataset)
    if isinstance(dataset.target, BoxTarget | MaskTarget):
        backbone = sized(backbone, dataset.target, size)
    return suited(backbone, dataset.target)


def read_inputs(
    dataset: Dataset,
    backbone: Backbone,
    size: int | None,
    listener: Listener,
    *,
    cache: str | Path | None = None,
    limits: CacheLimits = DEFAULT,
    seconds: float = math.inf,
    sets: Sequence[Dataset] = (),
) -> tuple[InputStore, list[Look]]:
    """Read every image, text or series once as the backbone is to see it. What is none has an error in its look.

    Args:
        dataset: samples of the kind that the backbone reads.
        backbone: as `fitted` gives it.
        size: input side in pixels, tokens or steps; by default the backbone's own.
        listener: hears of progress and decisions.
        cache: folder where pixels and tokens are kept.
        limits: what they may take there; nothing is kept where it is 0.
        seconds: the time there is for everything: where it is short, less is read of long texts.
        sets: the data sets that `dataset` is put together from, each of which has to fit the backbone.
    """
    if backbone.spec.kind == "text":
        shelf = TokenShelf(cache_folder(cache), cache_bytes(limits)) if limits.total else None
        return read_all_texts(dataset, backbone, size, listener, seconds, shelf)
    if backbone.spec.kind == "series":
        return read_all_series(dataset, backbone, size, listener)
    return read_images(dataset, backbone, size, listener, cache, limits, sets)
