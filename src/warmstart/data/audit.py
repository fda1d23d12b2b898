"""Looking for what is wrong with a data set: every image is decoded, every text read, and nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from warmstart.data.examples import excerpts
from warmstart.data.findings import Audit, Ids
from warmstart.data.labelfacts import conflicting_labels, label_facts
from warmstart.data.lookalike import Outline, look_alikes
from warmstart.data.minhash import near_copies
from warmstart.data.parts import groups_across
from warmstart.data.pool import in_order
from warmstart.data.scan import Look, alike, read_and_look
from warmstart.data.schema import Dataset, Split
from warmstart.data.seriesscan import SeriesLook, read_looks, series_alike, series_facts
from warmstart.data.tasklabels import named
from warmstart.data.telltale import label_stretches, labels_told
from warmstart.data.textscan import TextLook, read_texts

__all__ = ["Audit", "Look", "audit", "audit_of", "look_at"]

LIMIT = 20_000
"""Images that are looked at; of a larger data set, a random choice of so many."""
SHOWN = 50
_ALL = "all"
"""Images without the name of a class."""
_RANK = {"train": 0, "val": 1, "test": 2}


def audit(
    dataset: Dataset,
    split: Split | None = None,
    *,
    workers: int = 2,
    limit: int = LIMIT,
    progress: Callable[[int], None] | None = None,
) -> Audit:
    """Decode every image of a data set, or read every text, and say what is in it and what is wrong with it.

    Args:
        dataset: the samples.
        split: the parts to look for copies between; without it, those that the samples come with.
        workers: threads that decode.
        limit: of a larger data set a random choice of so many images is looked at, and the findings say so; texts all.
        progress: called with 1 after each sample.
    """
    return audit_of(dataset, split, look_at(dataset, workers=workers, limit=limit, progress=progress))


def look_at(
    dataset: Dataset, *, workers: int = 2, limit: int = LIMIT, progress: Callable[[int], None] | None = None
) -> list[Look | None]:
    """A look at each sample, for `audit_of`; `None` for those beyond `limit`. Arguments as for `audit`."""
    if dataset.kind != "image":
        return [*(read_texts if dataset.kind == "text" else read_looks)(dataset, progress)]
    looks: list[Look | None] = [None] * len(dataset)
    chosen = _chosen(len(dataset), limit)
    sources = (dataset.samples[i].source for i in chosen)
    for i, found in zip(chosen, in_order(read_and_look, sources, workers=workers), strict=True):
        looks[i] = found
        if progress is not None:
            progress(1)
    return looks


def audit_of(dataset: Dataset, split: Split | None, looks: Sequence[Look | None]) -> Audit:
    """The findings from a look at each sample (`None`: not looked at), for whoever has decoded the images already."""
    seen = {i: found for i, found in enumerate(looks) if found is not None}
    read = {i: found for i, found in seen.items() if not found.error}
    ids, part_of = [s.id for s in dataset.samples], _parts(dataset, split)
    copies = alike({i: found.pixels for i, found in read.items()})
    leaks = _across(copies, part_of)
    near = _near(read, part_of, same={held for _, held in leaks})
    texts = {i: found for i, found in read.items() if isinstance(found, TextLook)}
    told, other_told = labels_told(dataset) if texts else (0, 0)
    in_part, facts = Counter(part_of.values()), label_facts(dataset)
    return Audit(
        name=dataset.name,
        samples=len(dataset),
        counts=_counts(dataset, facts),
        task=dataset.target.kind,
        facts=facts,
        parts={name: in_part[name] for name in ("train", "val", "test") if in_part[name]},
        sizes=_sizes([found.size for found in read.values()]),
        unusual=dict(Counter(word for found in read.values() for word in found.unusual).most_common()),
        corrupt=tuple((ids[i], found.error) for i, found in seen.items() if found.error),
        duplicates=tuple(tuple(ids[i] for i in members) for members in copies[:SHOWN]),
        conflicting=_conflicting(dataset, copies)[:SHOWN],
        leaks=tuple((ids[a], ids[b]) for a, b in leaks[:SHOWN]),
        near_leaks=tuple((ids[a], ids[b]) for a, b in near[:SHOWN]),
        groups_across=groups_across(dataset, part_of),
        leak_count=len(leaks),
        near_leak_count=len(near),
        duplicate_count=sum(len(members) - 1 for members in copies),
        modes=dict(Counter(found.mode for found in read.values()).most_common()),
        bands=_bands(dataset, read),
        noun=dataset.kind,
        series=series_facts(dataset, {i: f for i, f in read.items() if isinstance(f, SeriesLook)}),
        stretches=label_stretches(dataset),
        scripts=dict(Counter(found.script for found in texts.values() if found.script).most_common()),
        labels_told=told,
        other_labels_told=other_told,
        examples=excerpts(dataset) if texts else {},
        unseen=len(dataset) - len(seen),
        notes=(*dataset.notes, *(split.notes if split is not None else ())),
    )


def _counts(dataset: Dataset, facts: dict[str, Any]) -> dict[str, int]:
    """Samples per class; of masks, what was found in them."""
    if dataset.target.kind in ("regress", "forecast"):
        return {}
    if dataset.target.kind == "several":
        return {named(task, name): n for task, of in facts.items() for name, n in of["counts"].items()}
    return dict(facts["images"]) if dataset.target.kind == "segment" and facts else dataset.counts


def _chosen(n: int, limit: int) -> list[int]:
    """0..n-1 in order, or a random `limit` of them, always the same."""
    return list(range(n)) if n <= limit else sorted(np.random.default_rng(0).permutation(n)[:limit].tolist())


def _parts(dataset: Dataset, split: Split | None) -> dict[int, str]:
    if split is None:
        return {i: s.split for i, s in enumerate(dataset.samples) if s.split is not None}
    named = (("train", split.train), ("val", split.val), ("test", split.test))
    return {int(i): name for name, indices in named for i in indices}


def _across(groups: Sequence[Sequence[int]], part_of: Mapping[int, str]) -> list[tuple[int, int]]:
    """(index, index held out) for each sample of validation or test with a like one in a part before its own."""
    pairs = []
    for members in groups:
        placed = sorted((_RANK[part_of[i]], i) for i in members if i in part_of)
        pairs += [(placed[0][1], i) for place, i in placed if place > placed[0][0]]
    return pairs


def _near(read: Mapping[int, Look], part_of: Mapping[int, str], same: set[int]) -> list[tuple[int, int]]:
    """The same for look-alikes and near copies, without the samples in `same`."""
    looks = {name: {i: f for i, f in read.items() if part_of.get(i) == name} for name in _RANK}
    pairs: dict[int, tuple[int, int]] = {}
    for name, before in (("val", ("train",)), ("test", ("train", "val"))):
        asked = {i: found for i, found in looks[name].items() if i not in same}
        known = {i: found for part in before for i, found in looks[part].items()}
        alike_ones = (*look_alikes(_outlines(known), _outlines(asked)), *near_copies(_signed(known), _signed(asked)))
        pairs.update({held: (first, held) for first, held in alike_ones})
    rank = {i: _RANK[part] for i, part in part_of.items()}
    series = {i: found for i, found in read.items() if isinstance(found, SeriesLook) and i in rank}
    for a, b in series_alike(series):
        first, held = (a, b) if rank[a] < rank[b] else (b, a)
        if rank[first] < rank[held] and held not in same:
            pairs[held] = (first, held)
    return [pairs[i] for i in sorted(pairs)]


def _outlines(looks: Mapping[int, Look]) -> dict[int, Outline]:
    return {i: found.outline for i, found in looks.items()}


def _signed(looks: Mapping[int, Look]) -> dict[int, bytes]:
    return {i: found.signature for i, found in looks.items() if isinstance(found, TextLook)}


def _bands(dataset: Dataset, read: Mapping[int, Look]) -> dict[str, dict[str, Any]]:
    """What is known of the bands of each class or label; without those that are pictures. Of numbers, of all images."""
    members: dict[str, list[Look]] = {}
    for i, found in read.items():
        if found.bands is not None:
            for name in dataset.samples[i].names or (_ALL,):
                members.setdefault(name, []).append(found)
    return {
        name: {
            "stored": dict(Counter(found.mode for found in members[name]).most_common()),
            "names": list(max(Counter(found.bands or () for found in members[name]).items(), key=_named)[0]),
            "missing": sum(found.missing for found in members[name]) / len(members[name]),
        }
        for name in (*dataset.target.classes, _ALL)
        if name in members
    }


def _named(counted: tuple[Ids, int]) -> tuple[bool, int]:
    """By which names are chosen: any before none, then the most frequent."""
    return any(counted[0]), counted[1]


def _conflicting(dataset: Dataset, copies: Sequence[Sequence[int]]) -> tuple[Ids, ...]:
    found = [[dataset.samples[i] for i in members] for members in copies]
    return tuple(tuple(s.id for s in samples) for samples in found if conflicting_labels(dataset, samples))


def _sizes(sizes: Sequence[tuple[int, int]]) -> dict[str, list[int]]:
    if not sizes:
        return {}
    order = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    return {"smallest": [*order[0]], "median": [*order[len(order) // 2]], "largest": [*order[-1]]}
