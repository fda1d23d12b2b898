"""From what the user brings to what a run works on: the same for `fit`, `plan` and `check`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from warmstart.api.inputs.reading import fitted, read_inputs
from warmstart.api.inputs.scenes import posed
from warmstart.api.running.caches import cache_bytes, cache_folder
from warmstart.cache.store import HELD, ActivationStore
from warmstart.cache.wanted import BATCH
from warmstart.data.anomalies import as_divided
from warmstart.data.audit import Audit, Look, audit_of
from warmstart.data.scenes import MaskTarget
from warmstart.data.schema import PLURAL, Dataset, Kind, Split
from warmstart.data.seriesreading import SeriesOptions
from warmstart.data.sources import OnMissing, load
from warmstart.data.split import split as split_of
from warmstart.data.stores import InputStore
from warmstart.data.together import Sets, copies
from warmstart.data.windows import Asked
from warmstart.engine.allowance import batch_within, refuse_too_little
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided, Listener
from warmstart.errors import DataError
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.segment.published import told
from warmstart.model.uri import Uri
from warmstart.planning.compile import DEFAULT
from warmstart.planning.plan import CacheLimits
from warmstart.preprocess.spec import PreprocessSpec


@dataclasses.dataclass(frozen=True)
class Loaded:
    """Data that was read and divided; unreadable samples are left out of it, and listed in the audit.

    `backbone` is the one they were read for, in the form in which it can answer what the data ask.
    """

    backbone: Backbone
    dataset: Dataset
    split: Split
    store: InputStore
    audit: Audit


def backbone_at(uri: str, size: int | None, seed: int, *, accept_licence: bool = False) -> Backbone:
    """The backbone of a run on inputs of `size` (pixels, tokens, steps); one of a single size is made to take this.

    Raises `RunError` where the process is held to less memory than it takes.
    """
    backbone = load_backbone(uri, seed=seed, accept_licence=accept_licence)
    if size is not None and backbone.card.fixed_size and size != backbone.spec.size:
        sized = str(dataclasses.replace(Uri.of(uri), size=size))
        backbone = load_backbone(sized, seed=seed, accept_licence=accept_licence)
    refuse_too_little(backbone)
    return backbone


def divide(dataset: Dataset, *, val: float, test: float, seed: int, alike: Sets = ()) -> Split:
    """Train, validation and test parts. Raises `DataError` if nothing is left to train on or to validate with."""
    split = split_of(dataset, val=val, test=test, seed=seed, copies=alike)
    if len(split.train) == 0 or len(split.val) == 0:
        kept = ", copies being kept in one part" if alike else ""
        raise DataError(
            f"{len(split.train)} training and {len(split.val)} validation samples{kept}",
            expected="at least one of each: validation decides which method is kept",
            do=f"give more {PLURAL[dataset.kind]}, or a larger share with --val",
        )
    return split


@dataclasses.dataclass(frozen=True)
class Decoded:
    """Data that was read and not yet divided: its readable samples, a look at each, and what could not be read.

    `backbone` as `Loaded` has it.
    """

    backbone: Backbone
    dataset: Dataset
    store: InputStore
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
    text_column: str | None = None,
    task: str | None = None,
    normal: str | None = None,
    cache: str | Path | None = None,
    limits: CacheLimits = DEFAULT,
    seconds: float = math.inf,
    forecast: Asked | None = None,
    head: str | None = None,
    loss: str | None = None,
    tile: int | None = None,
    on_missing: OnMissing = "error",
    **series: Unpack[SeriesOptions],
) -> Decoded:
    """Read the data, every image, text or series once as the backbone is to see it, and leave out what cannot be read.

    `head`, `loss` and `tile` are asked of boxes and masks. `on_missing`: "skip" leaves out samples whose file or label
    is missing, and marks that cannot be used. `seconds` is the time there is for everything: where it is short, less is
    read of long texts.
    """
    dataset = load(
        data,
        kind=backbone.spec.kind,
        task=task,
        path_column=path_column,
        text_column=text_column,
        label_column=label_column,
        normal=normal,
        group=group,
        time=time,
        forecast=forecast,
        on_missing=on_missing,
        **series,
    )
    dataset = posed(dataset, head, loss, tile, backbone=backbone)
    if forecast is not None and size is not None:
        raise DataError(f"a size of {size} steps for forecasts", do="say how far back they look with --context")
    for note in dataset.notes:
        listener(Decided(note))
    own = backbone.spec
    backbone = fitted(backbone, dataset, size)
    if backbone.maps is not None and isinstance(own, PreprocessSpec):
        seen = f"images are padded to squares of {backbone.preprocess.size} px"
        listener(Decided(f"{seen} (the backbone's own: {own.resize}, {own.size} px)"))
    if isinstance(dataset.target, MaskTarget) and (came := told(dataset.target.head, backbone, dataset.target.classes)):
        listener(Decided(came))
    store, looks = read_inputs(dataset, backbone, size, listener, cache=cache, limits=limits, seconds=seconds)
    kept = readable(dataset, looks, max_unreadable, listener, kind=store.spec.kind)
    corrupt = tuple((dataset.samples[i].id, found.error) for i, found in enumerate(looks) if found.error)
    if len(kept) < len(dataset):
        dataset, store = dataset.subset(kept), store.subset(kept)
    return Decoded(backbone, dataset, store, [looks[i] for i in kept], corrupt)


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
    return Loaded(whole.backbone, as_divided(whole.dataset, split), split, whole.store, findings)


def tell_problems(findings: Audit, listener: Listener) -> None:
    """Tell what an audit found, but for the notes, which were told when they were made."""
    for problem in findings.problems:
        if problem not in findings.notes:
            listener(Decided(problem))


def readable(
    dataset: Dataset, looks: Sequence[Look], max_unreadable: float, listener: Listener, *, kind: Kind
) -> list[int]:
    """Positions of the samples that can be read. Raises `DataError` if more than the share allowed cannot."""
    kept = [i for i, found in enumerate(looks) if not found.error]
    lost = len(dataset) - len(kept)
    if lost > max_unreadable * len(dataset):
        first = next(i for i, found in enumerate(looks) if found.error)
        which = f"{dataset.samples[first].id}: {looks[first].error}"
        raise DataError(
            f"{lost} of {len(dataset)} {PLURAL[kind]} cannot be read; the first: {which}",
            expected=f"at most a share of {max_unreadable:g}",
            do="see all of them with `warmstart check DATA`; raise --max-unreadable to go on without them",
        )
    if lost:
        listener(Decided(f"{lost} of {len(dataset)} {PLURAL[kind]} cannot be read and are left out"))
    return kept


def run_data(loaded: Loaded, cache: str | Path | None, limits: CacheLimits = DEFAULT) -> RunData:
    """What the engine trains on; activations are kept in `cache`, by default in the user's cache folder."""
    store = activation_store(cache, limits)
    batch = batch_within(loaded.backbone, loaded.store.spec.size, BATCH)
    return RunData(loaded.dataset, loaded.split, loaded.store, loaded.store.spec, store, limits, batch=batch)


def activation_store(cache: str | Path | None, limits: CacheLimits) -> ActivationStore:
    """The store of activations in `cache`, by default in the user's cache folder."""
    return ActivationStore(
        cache_folder(cache),
        budget_bytes=cache_bytes(limits),
        held_bytes=min(HELD, limits.memory),
        mapped_bytes=limits.mapped,
        chunk_bytes=limits.chunk,
    )
