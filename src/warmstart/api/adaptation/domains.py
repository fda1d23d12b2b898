"""Source and target of an `adapt` as one run sees them: classes by name, and no label of the target in the data."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.api.inputs.bands import refuse_other_bands
from warmstart.api.inputs.classes import load_classes
from warmstart.api.inputs.prepare import Loaded, divide, readable, tell_problems
from warmstart.api.inputs.reading import fitted, read_inputs
from warmstart.cache.key import sample_key
from warmstart.data.audit import audit_of
from warmstart.data.names import some
from warmstart.data.schema import PLURAL, ClassTarget, Dataset, IntArray, Kind, Sample, Series
from warmstart.data.seriesreading import reading_of
from warmstart.data.sources import load_inputs
from warmstart.data.sources.kind import require_kind
from warmstart.data.targets import UNKNOWN
from warmstart.data.together import copies
from warmstart.engine.events import Decided, Listener
from warmstart.errors import BandsError, DataError
from warmstart.evaluation.adaptation import TargetFacts
from warmstart.model.backbone import Backbone
from warmstart.planning.plan import CacheLimits
from warmstart.preprocess.spec import PreprocessSpec

LEAST = 10
"""Samples of the target: of fewer there is nothing to adapt to."""
_COLUMNS = ("path_column", "text_column", "label_column")


@dataclasses.dataclass(frozen=True)
class Domains:
    """Both sets in one `Loaded`: parts are the source's, `split.unlabelled` the target's samples, without labels.

    `truth` are their classes (m,), -1 where it is unknown or none of the source's: for measuring, when all is chosen.
    """

    loaded: Loaded
    truth: IntArray
    facts: TargetFacts

    @property
    def target(self) -> IntArray:
        """Where the samples of the target are in the data (m,)."""
        return np.asarray(self.loaded.split.unlabelled, dtype=np.int64)


def read_domains(
    source: Any,
    target: Any,
    backbone: Backbone,
    *,
    options: dict[str, Any],
    ignore_target_labels: bool,
    cache: str | Path | None,
    limits: CacheLimits,
    listener: Listener,
) -> Domains:
    """Read both as the backbone is to see them; the labels of the target are put aside.

    `options` are those of a run, as `warmstart.api.inputs.options` names them.

    Raises:
        DataError: the two are of other kinds, or have other channels; no class of a labelled target is the source's;
            the source has no classes to learn, or the target hardly any samples; or whatever `fit` says of data.
    """
    kind = backbone.spec.kind
    known = _source(source, kind, options)
    for note in known.notes:
        listener(Decided(f"source: {note}"))
    aimed = by_content(_target(target, kind, options, listener, labels=not ignore_target_labels))
    _refuse_unlike(known, aimed, backbone)
    truth, facts = _put_aside(known, aimed, listener)
    both = _together(known, aimed)
    network = fitted(backbone, both, options["size"])
    pair = (both.subset(range(len(known))), both.subset(range(len(known), len(both))))
    store, looks = read_inputs(both, network, options["size"], listener, cache=cache, limits=limits, sets=pair)
    kept, start = list[list[int]](), 0
    for one in pair:
        here = looks[start : start + len(one)]
        kept.append(readable(one, here, options["max_unreadable"], listener, kind=kind))
        start += len(one)
    own = pair[0].subset(kept[0])
    mine = [looks[i] for i in kept[0]]
    split = divide(own, val=options["val"], test=0.0, seed=options["seed"], alike=copies(own, mine))
    for note in (split.how, *split.notes):
        listener(Decided(f"source: {note}"))
    corrupt = tuple((both.samples[i].id, found.error) for i, found in enumerate(looks[: len(known)]) if found.error)
    audit = dataclasses.replace(audit_of(own, split, mine), corrupt=corrupt)
    tell_problems(audit, listener)
    rows = [*kept[0], *(len(known) + i for i in kept[1])]
    split = dataclasses.replace(split, unlabelled=np.arange(len(own), len(rows)))
    loaded = Loaded(network, both.subset(rows), split, store.subset(rows), audit)
    used = truth[kept[1]]
    facts = dataclasses.replace(
        facts, samples=len(used), unreadable=len(aimed) - len(used), labelled=int((used != UNKNOWN).sum())
    )
    _refuse_few(facts)
    return Domains(loaded, used, facts)


def by_content(dataset: Dataset) -> Dataset:
    """The samples in the order of a hash of their contents, so that neither a name nor a folder, which may tell the
    class, has any part in what is learned. What cannot be read comes first.
    """

    def key(sample: Sample) -> str:
        try:
            return sample_key(sample)
        except OSError:
            return ""

    return dataset.subset(sorted(range(len(dataset)), key=lambda i: key(dataset.samples[i])))


def _source(data: Any, kind: Kind, options: dict[str, Any]) -> Dataset:
    how = {"kind": kind, "group": options["group"], "on_missing": options["on_missing"], **_reading(options)}
    return load_classes(data, "the source", **how)


def _reading(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in (*_COLUMNS, *vars(reading_of(options)))}


def _target(data: Any, kind: Kind, options: dict[str, Any], listener: Listener, *, labels: bool) -> Dataset:
    """With labels where it has any that can be read, else inputs alone."""
    if isinstance(data, tuple | list) and len(data) == 2 and data[1] is None:
        data, labels = data[0], False
    if isinstance(data, str | Path) and not Path(data).exists():
        raise DataError(f"there is no target {data}", expected="an existing folder or file", do="check the spelling")
    alone = isinstance(data, list | np.ndarray)
    seen = (data, None) if alone else data  # as what has no labels
    try:
        require_kind(seen, kind, path_column=options["path_column"], text_column=options["text_column"])
    except DataError as error:
        raise DataError(f"the target: {error.found}", expected=f"{PLURAL[kind]}, as in the source") from error
    if labels and not alone:
        try:
            return load_classes(data, "the target", kind=kind, **_reading(options))
        except DataError as error:
            if isinstance(data, tuple | Dataset):
                raise
            why = error.found.splitlines()[0].removeprefix("the target: ")
            listener(Decided(f"the target is read without labels, as there are no classes to be read: {why}"))
    return Dataset(_inputs(data, kind, options), ClassTarget(()), _name(data))


def _inputs(data: Any, kind: Kind, options: dict[str, Any]) -> tuple[Sample, ...]:
    if isinstance(data, Dataset):
        return tuple(dataclasses.replace(sample, label=None) for sample in data.samples)
    if isinstance(data, tuple):
        data = data[0]
    columns = {name: options[name] for name in ("path_column", "text_column")}
    return load_inputs(data, kind=kind, reading=reading_of(options), **columns)


def _name(data: Any) -> str:
    if isinstance(data, Dataset):
        return data.name
    return Path(data).resolve().stem if isinstance(data, str | Path) else "target"


def _refuse_unlike(source: Dataset, target: Dataset, backbone: Backbone) -> None:
    """Raise `DataError` where one of the two cannot be read by the network that reads the other."""
    if source.kind != target.kind:
        raise DataError(
            f"the source are {PLURAL[source.kind]}, the target {PLURAL[target.kind]}", expected="both of one kind"
        )
    channels = [{s.source.channels for s in one.samples if isinstance(s.source, Series)} for one in (source, target)]
    if source.kind == "series" and all(channels) and channels[0] != channels[1]:
        source_has, target_has = (", ".join(map(str, sorted(found))) for found in channels)
        raise DataError(
            f"series of {source_has} channel(s) in the source and of {target_has} in the target",
            expected="the same channels in both",
            do="name the channels that both have with --value-columns",
        )
    if isinstance(backbone.spec, PreprocessSpec):
        for which, one in (("source", source), ("target", target)):
            try:
                refuse_other_bands(one, backbone.spec)
            except BandsError as error:
                do = error.do if one is source else "give the target as many channels as the source has"
                raise DataError(f"the {which}: {error.found}", error.expected, do) from error


def _put_aside(source: Dataset, target: Dataset, listener: Listener) -> tuple[IntArray, TargetFacts]:
    """The classes of the target's samples as outputs of the source's, and what there is to say of them."""
    classes, names = source.target.classes, [s.label for s in target.samples]
    index = {name: i for i, name in enumerate(classes)}
    truth = np.array([index.get(str(name), UNKNOWN) for name in names], dtype=np.int64)
    known = Counter(str(name) for name in names if name is not None)
    foreign = {name: n for name, n in known.items() if name not in index}
    if known and len(foreign) == len(known):
        raise DataError(
            f"the target's classes ({some(sorted(foreign))}) and the source's ({some(list(classes))}) have none in "
            "common",
            expected="the same classes by the same names",
            do="rename them; or, where the target's folders or column are no classes, give --ignore-target-labels",
        )
    absent = tuple(name for name in classes if name not in known) if known else ()
    if known:
        listener(
            Decided(
                f"the target has labels: no method learns from them and nothing is chosen by them; they measure how "
                f"right {int((truth != UNKNOWN).sum())} answers are, when all is chosen"
            )
        )
    if foreign:
        which = ", ".join(f"{name} ({n})" for name, n in sorted(foreign.items()))
        listener(
            Decided(
                f"{sum(foreign.values())} samples of the target are of classes that the source lacks: {which}. They "
                "are adapted to, as nobody would know; no answer to them can be right, and they are not measured on"
            )
        )
    if absent:
        listener(
            Decided(
                f"the target has no sample of {some(list(absent))}: methods that match whole distributions may give "
                "these classes to others of its samples"
            )
        )
    return truth, TargetFacts(target.name, len(target), 0, 0, foreign, absent)


def _together(source: Dataset, target: Dataset) -> Dataset:
    """The samples of both, those of the target without their labels."""
    plain = tuple(Sample(f"target: {sample.id}", sample.source) for sample in target.samples)
    return dataclasses.replace(source, samples=(*source.samples, *plain), notes=())


def _refuse_few(facts: TargetFacts) -> None:
    if facts.samples < LEAST:
        raise DataError(
            f"{facts.samples} samples of the target",
            expected=f"at least {LEAST}; hundreds are better",
            do="give more: they need no labels",
        )
