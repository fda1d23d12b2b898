"""From what the user brings to what a run works on: the same for `fit`, `plan` and `check`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.api.bands import measured, refuse_other_bands
from warmstart.cache.shelf import PixelShelf, pays, stored_bytes
from warmstart.cache.store import ActivationStore, default_cache_dir
from warmstart.data.audit import Audit, Look, audit_of
from warmstart.data.pixels import PixelStore, value_bytes
from warmstart.data.schema import Dataset, Split
from warmstart.data.sources import load
from warmstart.data.split import split as split_of
from warmstart.data.together import Sets, copies
from warmstart.engine.data import RunData
from warmstart.engine.events import Advanced, Decided, Finished, Listener, Started
from warmstart.engine.machine import memory_available
from warmstart.errors import DataError, RecipeError
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.uri import Uri
from warmstart.planning.compile import DEFAULT
from warmstart.planning.plan import CacheLimits
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import image_size

SQUASH_BELOW = 4 / 3
"""Images whose longer side is at most this many times the shorter one are squashed rather than cropped."""


@dataclasses.dataclass(frozen=True)
class Loaded:
    """Data that was read and divided; unreadable samples are left out of it, and listed in the audit."""

    dataset: Dataset
    split: Split
    store: PixelStore
    audit: Audit


def backbone_at(uri: str, size: int | None, seed: int, *, accept_licence: bool = False) -> Backbone:
    """The backbone of a run on images of `size` pixels; one that takes a single size is made to take this one."""
    backbone = load_backbone(uri, seed=seed, accept_licence=accept_licence)
    if size is None or not backbone.card.fixed_size or size == backbone.preprocess.size:
        return backbone
    sized = str(dataclasses.replace(Uri.of(uri), size=size))
    return load_backbone(sized, seed=seed, accept_licence=accept_licence)


def framed(spec: PreprocessSpec, dataset: Dataset, size: int | None, min_size: int) -> PreprocessSpec:
    """The backbone's preprocessing at the run's size, with the whole image in view where that costs little.

    Cropping the centre, as for ImageNet, cuts off what may matter; squashing bends shapes. Up to 4:3 squashing is the
    smaller evil (Fashion-MNIST with 1000 labels and a frozen EfficientNet-Lite0: 85.7 % squashed, 83.7 % cropped).
    Large JPEGs are decoded reduced, as `warmstart.preprocess.image` says.
    """
    size = size or spec.size
    if size < min_size:
        raise RecipeError(f"size {size} is too small", expected=f"at least {min_size} pixels for this backbone")
    spec = dataclasses.replace(spec, size=size, decode="reduced")
    ratios = sorted(max(w, h) / max(1, min(w, h)) for w, h in some_sizes(dataset))
    if ratios and ratios[int(0.9 * (len(ratios) - 1))] <= SQUASH_BELOW:
        return dataclasses.replace(spec, resize="squash")
    return spec


def some_sizes(dataset: Dataset) -> list[tuple[int, int]]:
    """(width, height) of some images, by their headers; always the same ones."""
    seen = np.random.default_rng(0).permutation(len(dataset))[:64]
    return [found for i in seen if (found := image_size(dataset.samples[int(i)].source)) is not None]


def divide(dataset: Dataset, *, val: float, test: float, seed: int, alike: Sets = ()) -> Split:
    """Train, validation and test parts. Raises `DataError` if nothing is left to train on or to validate with."""
    split = split_of(dataset, val=val, test=test, seed=seed, copies=alike)
    if len(split.train) == 0 or len(split.val) == 0:
        kept = ", copies being kept in one part" if alike else ""
        raise DataError(
            f"{len(split.train)} training and {len(split.val)} validation samples{kept}",
            expected="at least one of each: validation decides which method is kept",
            do="give more images, or a larger share with --val",
        )
    return split


@dataclasses.dataclass(frozen=True)
class Decoded:
    """Data that was read and not yet divided: its readable samples, a look at each, and what could not be read."""

    dataset: Dataset
    store: PixelStore
    looks: list[Look]
    corrupt: tuple[tuple[str, str], ...]

    @property
    def alike(self) -> Sets:
        """Sets of samples that are copies of each other, which belong in one part."""
        return copies(self.dataset, self.looks)

    def audit(self, split: Split) -> Audit:
        """The findings, with what lies across the parts of `split`."""
        return dataclasses.replace(audit_of(self.dataset, split, self.looks), corrupt=self.corrupt)


def read_whole(
    data: Any,
    backbone: Backbone,
    *,
    size: int | None,
    group: str | None,
    time: str | None,
    path_column: str | None,
    label_column: str | None,
    max_unreadable: float,
    listener: Listener,
    cache: str | Path | None = None,
    limits: CacheLimits = DEFAULT,
) -> Decoded:
    """Read the data, decode every image once as the backbone is to see it, and leave out what cannot be read.

    The pixels of large images are kept in `cache` where `limits` leaves room, and a later run decodes nothing.
    """
    dataset = load(data, path_column=path_column, label_column=label_column, group=group, time=time)
    for note in dataset.notes:
        listener(Decided(note))
    spec = framed(backbone.preprocess, dataset, size, backbone.card.min_size)
    if (spec.resize, spec.size) != (backbone.preprocess.resize, backbone.preprocess.size):
        listener(
            Decided(
                f"images are resized by {spec.resize} to {spec.size} px (the backbone's own: "
                f"{backbone.preprocess.resize}, {backbone.preprocess.size} px)"
            )
        )
    refuse_other_bands(dataset, spec)
    spec = measured(spec, dataset, listener)
    store, looks = decode(dataset, spec, listener, shelf_for(dataset, spec, cache, limits))
    kept = readable(dataset, looks, max_unreadable, listener)
    corrupt = tuple((dataset.samples[i].id, found.error) for i, found in enumerate(looks) if found.error)
    if len(kept) < len(dataset):
        dataset, store = dataset.subset(kept), store.subset(kept)
    return Decoded(dataset, store, [looks[i] for i in kept], corrupt)


def read(
    data: Any, backbone: Backbone, *, seed: int, val: float, test: float, listener: Listener, **how: Any
) -> Loaded:
    """What `read_whole` reads, divided. `how` are its other arguments."""
    whole = read_whole(data, backbone, listener=listener, **how)
    split = divide(whole.dataset, val=val, test=test, seed=seed, alike=whole.alike)
    for note in (split.how, *split.notes):
        listener(Decided(note))
    findings = whole.audit(split)
    tell_problems(findings, listener)
    return Loaded(whole.dataset, split, whole.store, findings)


def tell_problems(findings: Audit, listener: Listener) -> None:
    """Tell what an audit found, but for the notes, which were told when they were made."""
    for problem in findings.problems:
        if problem not in findings.notes:
            listener(Decided(problem))


def shelf_for(
    dataset: Dataset, spec: PreprocessSpec, cache: str | Path | None, limits: CacheLimits
) -> PixelShelf | None:
    """Where pixels outlast the run; `None` where decoding is as fast, or they would take over half of the budget."""
    sizes = some_sizes(dataset)
    fits = stored_bytes(sizes, spec, value_bytes(dataset, spec)) * len(dataset) <= limits.total / 2 * len(sizes)
    return PixelShelf(_folder(cache), _budget(limits), spec) if fits and pays(sizes, spec) else None


def decode(
    dataset: Dataset, spec: PreprocessSpec, listener: Listener, shelf: PixelShelf | None
) -> tuple[PixelStore, list[Look]]:
    """Decode every image once: into a pixel store, and into what the audit looks at."""
    store = PixelStore(dataset, spec, budget_bytes=memory_available() // 4, shelf=shelf)
    listener(Started("decode", len(dataset)))
    looks = store.preload(range(len(dataset)), progress=lambda n: listener(Advanced("decode", n)))
    listener(Finished("decode"))
    if shelf is not None and shelf.found:
        listener(Decided(f"{shelf.found} of {len(dataset)} images are not decoded: their pixels are in the cache"))
    if shelf is not None and shelf.stored:
        listener(Decided(f"the resized pixels of {shelf.stored} images are kept in the cache for later runs"))
    return store, looks


def readable(dataset: Dataset, looks: Sequence[Look], max_unreadable: float, listener: Listener) -> list[int]:
    """Positions of the samples that can be read. Raises `DataError` if more than the share allowed cannot."""
    kept = [i for i, found in enumerate(looks) if not found.error]
    lost = len(dataset) - len(kept)
    if lost > max_unreadable * len(dataset):
        first = next(i for i, found in enumerate(looks) if found.error)
        which = f"{dataset.samples[first].id}: {looks[first].error}"
        raise DataError(
            f"{lost} of {len(dataset)} images cannot be read; the first: {which}",
            expected=f"at most a share of {max_unreadable:g}",
            do="see all of them with `warmstart check DATA`; raise --max-unreadable to go on without them",
        )
    if lost:
        listener(Decided(f"{lost} of {len(dataset)} images cannot be read and are left out"))
    return kept


def run_data(loaded: Loaded, cache: str | Path | None, limits: CacheLimits = DEFAULT) -> RunData:
    """What the engine trains on; activations are kept in `cache`, by default in the user's cache folder."""
    store = activation_store(cache, limits)
    return RunData(loaded.dataset, loaded.split, loaded.store, loaded.store.spec, store, limits)


def activation_store(cache: str | Path | None, limits: CacheLimits) -> ActivationStore:
    """The store of activations in `cache`, by default in the user's cache folder."""
    return ActivationStore(_folder(cache), budget_bytes=_budget(limits))


def _folder(cache: str | Path | None) -> Path:
    return default_cache_dir() if cache is None else Path(cache)


def _budget(limits: CacheLimits) -> int:
    """Bytes of the cache folder, which others share."""
    return max(limits.total, DEFAULT.total)
