"""The data of an update: what is new, what is rehearsed of the old, and what is only measured on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.api.inputs.apart import audit_part, divided, without_copies
from warmstart.api.inputs.options import how_read
from warmstart.api.inputs.prepare import Decoded, Loaded, read_whole, tell_problems
from warmstart.data.names import clean
from warmstart.data.schema import PLURAL, Dataset, IntArray, Sample, Split
from warmstart.data.sources import load, load_inputs
from warmstart.data.sources.walk import entries
from warmstart.data.stores import store_of
from warmstart.data.targets import OF_NAMES, ClassTarget, Target
from warmstart.data.together import Sets
from warmstart.data.tokens import TokenStore
from warmstart.engine.events import Decided, Listener
from warmstart.errors import DataError, nearest
from warmstart.model.backbone import Backbone
from warmstart.preprocess.kinds import of_texts
from warmstart.shipping.bundle import Bundle

_READ = (
    "group",
    "time",
    "path_column",
    "text_column",
    "label_column",
    "id_column",
    "time_column",
    "value_columns",
    "rate",
    "window",
    "stride",
)
REHEARSED, MEASURED = "old", "old, held out"


@dataclasses.dataclass(frozen=True)
class Renewed:
    """Samples of all places in one data set, whose target has the bundle's classes first."""

    dataset: Dataset
    place: tuple[str, ...]
    """Of each sample: empty for what is new, or `REHEARSED` or `MEASURED`."""


def gathered(bundle: Bundle, data: Any, rehearsal: Any, old: Any, options: Mapping[str, Any]) -> Renewed:
    """Read what the samples are and how they are labelled.

    Raises:
        DataError: they are labelled with something else than the bundle answers, or new data are of one class alone.
    """
    fresh = _one_class(bundle, data) if rehearsal is not None else None
    fresh = fresh or _read(bundle, data, options)
    target = _together(bundle.manifest.target, fresh, rehearsed=rehearsal is not None)
    samples, place = list(fresh.samples), [""] * len(fresh)
    for source, where in ((rehearsal, REHEARSED), (old, MEASURED)):
        if source is None:
            continue
        found = _read(bundle, source, options)
        bundle.refuse_unknown(found.samples)
        parts: Sequence[Sample] = found.samples
        if where == MEASURED:  # as `evaluate` has it
            parts = [sample for sample in found.samples if sample.split == "test"] or found.samples
        samples += [dataclasses.replace(sample, id=f"{where}: {sample.id}") for sample in parts]
        place += [where] * len(parts)
    return Renewed(Dataset(tuple(samples), target, name=fresh.name, notes=fresh.notes), tuple(place))


def _read(bundle: Bundle, data: Any, options: Mapping[str, Any]) -> Dataset:
    how = {key: options[key] for key in _READ if key in options}
    found = load(data, kind=bundle.spec.kind, task=bundle.manifest.task, **how)
    names, own = found.target.classes, bundle.classes
    if found.target.kind == "regress" and names != own and not len(names) == len(own) == 1:
        raise DataError(
            f"the data have the numbers {', '.join(names)}",
            expected=f"those of the bundle, in its order: {', '.join(own)}",
            do="name their columns with --label-column",
        )
    return found


def _one_class(bundle: Bundle, data: Any) -> Dataset | None:
    """A folder that holds the folder of one class and nothing else, which is enough where there are others to rehearse;
    `None` if the data are none.
    """
    if bundle.manifest.task != "classify" or not isinstance(data, str | Path) or not Path(data).is_dir():
        return None
    folders, files = entries(Path(data))
    if len(folders) != 1 or files or entries(folders[0])[0]:
        return None
    name = clean(folders[0].name)
    samples = load_inputs(folders[0], kind=bundle.spec.kind)
    return Dataset(
        tuple(dataclasses.replace(sample, label=name) for sample in samples), ClassTarget((name,)), name=Path(data).name
    )


def _together(target: Target, fresh: Dataset, *, rehearsed: bool) -> Target:
    """The bundle's classes, and behind them those that are new."""
    if target.kind == "regress":
        return target
    held = [name for name in fresh.target.classes if fresh.counts[name]]
    if target.kind == "classify" and len(held) == 1 and not rehearsed:
        raise DataError(
            f"all {len(fresh)} new samples are of one class, {held[0]!r}: it would become the answer to everything",
            expected="new data of two classes at least, or old data beside it",
            do="give old data to learn from again with --rehearsal",
        )
    more = [name for name in held if name not in target.classes]
    if more and len(more) == len(held) and len(held) > len(fresh) / 2:
        raise DataError(
            f"the new data have {len(held)} labels for {len(fresh)} samples, none of which the bundle knows: "
            f"{', '.join(map(repr, held[:3]))}, ...",
            expected=f"classes such as its own; nearest: {nearest(held[0], target.classes)}",
            do="name the column of the labels with --label-column, or give more samples of each class",
        )
    return OF_NAMES[target.kind]((*target.classes, *more))


def prepared(
    renewed: Renewed, bundle: Bundle, backbone: Backbone, options: Mapping[str, Any], **how: Any
) -> tuple[Loaded, IntArray, IntArray]:
    """The data as the bundle reads them, divided; which samples are rehearsed, and all that are old.

    New and rehearsed samples are divided each by themselves. Where there are samples to be measured on alone, none that
    are rehearsed are held out for that.

    Raises:
        DataError: nothing is left to train or to validate on.
    """
    listener: Listener = how["listener"]
    asked = how_read(options) | {"size": bundle.spec.size}
    whole = read_whole(renewed.dataset, backbone, **asked, **how)
    where = dict(zip((sample.id for sample in renewed.dataset.samples), renewed.place, strict=True))
    place = np.array([where[sample.id] for sample in whole.dataset.samples])
    split = _divided(whole, place, options, listener)
    for note in (split.how, *split.notes):
        listener(Decided(note))
    findings = audit_part(whole, np.arange(len(whole.dataset)), split)
    tell_problems(findings, listener)
    loaded = Loaded(whole.backbone, whole.dataset, split, _as_before(whole, bundle), findings)
    return loaded, np.flatnonzero(place == REHEARSED), np.flatnonzero(place != "")


def _divided(whole: Decoded, place: Any, options: Mapping[str, Any], listener: Listener) -> Split:
    shares, alike = {key: options[key] for key in ("val", "seed")}, whole.alike
    fresh, old, measured = (np.flatnonzero(place == name) for name in ("", REHEARSED, MEASURED))
    parts = divided(whole, fresh, alike, test=options["test"], **shares)
    test = np.concatenate([parts.test, measured])
    train, val, how = parts.train, parts.val, f"new: {parts.how}"
    noun = PLURAL[whole.dataset.kind]
    if len(old):
        again = divided(whole, old, alike, test=0.0 if len(measured) else options["test"], **shares)
        train, val, test = (
            np.concatenate(pair) for pair in ((train, again.train), (val, again.val), (test, again.test))
        )
        how = f"{how}; rehearsed: {again.how}"
    if len(measured):
        how = f"{how}; {len(measured)} old {noun} to measure on"
    kept = _apart(train, val, test, alike)
    if lost := len(train) + len(val) - sum(map(len, kept)):
        listener(Decided(f"{lost} {noun} are copies of others that are held out, and are left out"))
    return Split(*kept, test, how, parts.notes)


def _apart(train: IntArray, val: IntArray, test: IntArray, alike: Sets) -> tuple[IntArray, IntArray]:
    """Train and validation parts without copies of what is measured on, and of what is validated on."""
    held = without_copies(val, test, alike)
    return without_copies(train, np.concatenate([held, test]), alike), held


def _as_before(whole: Decoded, bundle: Bundle) -> Any:
    """The inputs as the bundle reads them: these data alone might have been read shorter, or cut otherwise."""
    store = whole.store
    if store.spec == bundle.spec:
        return store
    if isinstance(store, TokenStore) and store.spec.with_size(bundle.spec.size) == bundle.spec:
        return store.shortened(of_texts(bundle.spec))
    return store_of(whole.dataset, bundle.spec)
