"""Two data sets as one run sees them: read in any form, drawn at random, prepared in the same way."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.api.inputs.prepare import activation_store, readable
from warmstart.api.inputs.reading import read_inputs
from warmstart.data.schema import PLURAL, ClassTarget, Dataset, Kind, Split
from warmstart.data.sources import load, load_inputs
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided, Listener
from warmstart.errors import DataError
from warmstart.evaluation.similarity import ComparedSet
from warmstart.model.backbone import Backbone
from warmstart.planning.plan import CacheLimits


@dataclasses.dataclass(frozen=True)
class Prepared:
    """Both sets in one `RunData`, the samples of A before those of B, and what is said of each."""

    data: RunData
    a: ComparedSet
    b: ComparedSet
    labels: tuple[tuple[str, ...] | None, tuple[str, ...] | None]  # of the samples used; None without labels


def read_set(data: Any, which: str, kind: Kind, *, listener: Listener, **columns: str | None) -> Dataset:
    """A labelled data set as `fit` reads it, else inputs alone: a folder of them at any depth, or a sequence.

    `(images, labels)` is a tuple; a list is of images, or of texts. `columns` are the column options of `load`, which
    belong to tables.
    """
    folder = isinstance(data, str | Path) and Path(data).is_dir()
    alone = isinstance(data, list | np.ndarray)
    try:
        found = unlabelled(data, kind) if alone else load(data, kind=kind, **({} if folder else columns))  # type: ignore[arg-type]
    except DataError as error:
        if not folder:
            raise
        found = unlabelled(data, kind)
        why = error.found.splitlines()[0]
        listener(Decided(f"{which} is read without labels, as it is no folder per class: {why}"))
    for note in found.notes:
        listener(Decided(f"{which}: {note}"))
    return found


def unlabelled(data: Any, kind: Kind) -> Dataset:
    """Images or texts without labels; named after their folder where there is one."""
    name = Path(data).resolve().name if isinstance(data, str | Path) else PLURAL[kind]
    return Dataset(load_inputs(data, kind=kind), ClassTarget(()), name)


def prepare(
    sets: Sequence[Dataset],
    backbone: Backbone,
    *,
    size: int | None,
    limit: int,
    seed: int,
    max_unreadable: float,
    cache: str | Path | None,
    limits: CacheLimits,
    listener: Listener,
) -> Prepared:
    """Draw at most `limit` samples of each, read them by one preprocessing, and leave out what cannot be read.

    Raises:
        DataError: none of a set's images fits the backbone, or more than the share allowed cannot be read.
    """
    drawn = [s.subset(np.random.default_rng(seed).permutation(len(s))[:limit]) for s in sets]
    both = together(drawn)
    store, looks = read_inputs(both, backbone, size, listener, cache=cache, limits=limits, sets=drawn)
    kept, facts, start = list[int](), list[ComparedSet](), 0
    for whole, one in zip(sets, drawn, strict=True):
        rows = range(start, start + len(one))
        good = readable(one, [looks[i] for i in rows], max_unreadable, listener, kind=store.spec.kind)
        lost = tuple(one.samples[i - start].id for i in rows if looks[i].error)
        facts.append(ComparedSet(whole.name, len(whole), len(good), lost, whole.target.classes))
        kept += [start + i for i in good]
        start += len(one)
    rows_of_all = np.arange(len(kept))
    split = Split(rows_of_all, rows_of_all[:0], rows_of_all[:0], "all")
    data = RunData(both.subset(kept), split, store.subset(kept), store.spec, activation_store(cache, limits), limits)
    labels = [next(iter(s.names), None) for s in data.dataset.samples]
    first, second = labels[: facts[0].used], labels[facts[0].used :]
    return Prepared(data, facts[0], facts[1], (_known(first), _known(second)))


def together(sets: Sequence[Dataset]) -> Dataset:
    """The samples of all sets, with their labels; none is of a test set here, as nothing is chosen by them."""
    samples = tuple(dataclasses.replace(s, split=None) for one in sets for s in one.samples)
    classes = dict.fromkeys(name for one in sets for name in one.target.classes)
    return Dataset(samples, ClassTarget(tuple(classes)), " and ".join(one.name for one in sets))


def _known(labels: Sequence[str | None]) -> tuple[str, ...] | None:
    """The labels, where every sample has one."""
    known = tuple(label for label in labels if label is not None)
    return known if known and len(known) == len(labels) else None
