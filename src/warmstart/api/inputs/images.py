"""Images as a run works on them: framed, decoded once, and looked at."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from warmstart.api.inputs.bands import measured, refuse_other_bands
from warmstart.api.running.caches import cache_bytes, cache_folder
from warmstart.cache.shelf import PixelShelf, pays, stored_bytes
from warmstart.data.audit import Look
from warmstart.data.pixels import PixelStore, value_bytes
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.scenestore import SceneStore
from warmstart.data.schema import Dataset
from warmstart.engine.allowance import for_pixels
from warmstart.engine.events import Advanced, Decided, Finished, Listener, Started
from warmstart.errors import RecipeError
from warmstart.model.backbone import Backbone
from warmstart.planning.plan import CacheLimits
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import image_size

SQUASH_BELOW = 4 / 3
"""Images whose longer side is at most this many times the shorter one are squashed rather than cropped."""


def read_images(
    dataset: Dataset,
    backbone: Backbone,
    size: int | None,
    listener: Listener,
    cache: str | Path | None,
    limits: CacheLimits,
    sets: Sequence[Dataset] = (),
) -> tuple[PixelStore, list[Look]]:
    """Decode every image once as the backbone is to see it. What cannot be read has an error in its look.

    The pixels of large images are kept in `cache` where `limits` leaves room, and a later run decodes nothing. Where
    they are of several `sets`, each has to fit.
    """
    spec = framed(backbone.preprocess, dataset, size, backbone.card.min_size)
    if sets:
        listener(Decided(f"the images of both sets are resized by {spec.resize} to {spec.size} px"))
    elif (spec.resize, spec.size) != (backbone.preprocess.resize, backbone.preprocess.size):
        listener(
            Decided(
                f"images are resized by {spec.resize} to {spec.size} px (the backbone's own: "
                f"{backbone.preprocess.resize}, {backbone.preprocess.size} px)"
            )
        )
    for one in sets or (dataset,):
        refuse_other_bands(one, spec)
    spec = measured(spec, dataset, listener)
    shelf = shelf_for(dataset, spec, cache, limits)
    masks = shelf_for(dataset, spec, cache, limits) if isinstance(dataset.target, MaskTarget) else None
    return decode(dataset, spec, listener, shelf, masks)


def framed(spec: PreprocessSpec, dataset: Dataset, size: int | None, min_size: int) -> PreprocessSpec:
    """The backbone's preprocessing at the run's size, with the whole image in view where that costs little.

    Cropping the centre, as for ImageNet, cuts off what may matter; squashing bends shapes. Up to 4:3 squashing is the
    smaller evil (Fashion-MNIST with 1000 labels and a frozen EfficientNet-Lite0: 85.7 % squashed, 83.7 % cropped).
    Where something is to be marked, neither will do, and images are padded. Large JPEGs are decoded reduced, as
    `warmstart.preprocess.image` says.
    """
    size = size or spec.size
    if size < min_size:
        raise RecipeError(f"size {size} is too small", expected=f"at least {min_size} pixels for this backbone")
    spec = dataclasses.replace(spec, size=size, decode="reduced")
    if isinstance(dataset.target, BoxTarget | MaskTarget):
        return dataclasses.replace(spec, resize="pad")
    ratios = sorted(max(w, h) / max(1, min(w, h)) for w, h in some_sizes(dataset))
    if ratios and ratios[int(0.9 * (len(ratios) - 1))] <= SQUASH_BELOW:
        return dataclasses.replace(spec, resize="squash")
    return spec


def some_sizes(dataset: Dataset) -> list[tuple[int, int]]:
    """(width, height) of some images, by their headers; always the same ones."""
    seen = np.random.default_rng(0).permutation(len(dataset))[:64]
    return [found for i in seen if (found := image_size(dataset.samples[int(i)].source)) is not None]


def shelf_for(
    dataset: Dataset, spec: PreprocessSpec, cache: str | Path | None, limits: CacheLimits
) -> PixelShelf | None:
    """Where pixels outlast the run; `None` where decoding is as fast, or they would take over half of the budget."""
    sizes = some_sizes(dataset)
    fits = stored_bytes(sizes, spec, value_bytes(dataset, spec)) * len(dataset) <= limits.total / 2 * len(sizes)
    return (
        PixelShelf(cache_folder(cache), cache_bytes(limits), spec, limits.mapped)
        if fits and pays(sizes, spec)
        else None
    )


def decode(
    dataset: Dataset,
    spec: PreprocessSpec,
    listener: Listener,
    shelf: PixelShelf | None,
    masks: PixelShelf | None = None,
) -> tuple[PixelStore, list[Look]]:
    """Decode every image once: into a pixel store, and into what the audit looks at."""
    budget = for_pixels()
    if isinstance(dataset.target, BoxTarget | MaskTarget):
        store: PixelStore = SceneStore(dataset, spec, budget_bytes=budget, shelf=shelf, masks=masks)
    else:
        store = PixelStore(dataset, spec, budget_bytes=budget, shelf=shelf)
    listener(Started("decode", len(dataset)))
    looks = store.preload(range(len(dataset)), progress=lambda n: listener(Advanced("decode", n)))
    listener(Finished("decode"))
    if shelf is not None and shelf.found:
        listener(Decided(f"{shelf.found} of {len(dataset)} images are not decoded: their pixels are in the cache"))
    if shelf is not None and shelf.stored:
        listener(Decided(f"the resized pixels of {shelf.stored} images are kept in the cache for later runs"))
    return store, looks
