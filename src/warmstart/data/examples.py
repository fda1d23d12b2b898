"""Some samples of each kind, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from warmstart.data.entities import Scheme
from warmstart.data.names import clean
from warmstart.data.onetask import one_task
from warmstart.data.schema import Dataset, Sample, Text
from warmstart.data.several import SeveralTarget
from warmstart.data.tasklabels import named

MOST_CLASSES = 40
_SHOWN, _LONGEST, _QUARTERS = 3, 160, 4
_WRITTEN = "input -> text to be written"


def kinds(dataset: Dataset) -> dict[str, list[Sample]]:
    """The samples of each class, label, type of entity or tag; by number in quarters; of texts to be written, all.

    >>> from warmstart.data.sources import load
    >>> [*kinds(load((["a b", "c d", "e f", "g h"], [1.5, 2, 3, 9]), task="regress"))]
    ['1.5', '2', '3', '9']
    """
    target, known = dataset.target, [sample for sample in dataset.samples if sample.label is not None]
    if target.kind == "generate":
        return {_WRITTEN: known}
    if target.kind == "regress":
        return _quarters(known)
    if isinstance(target, SeveralTarget):
        each = [(name, kinds(one_task(dataset, name))) for name in target.names]
        return {named(task, name): members for task, found in each for name, members in found.items()}
    scheme = Scheme.of(target.classes) if target.kind == "tag" else None
    types = dict(zip(target.classes, target.classes, strict=True))
    if scheme is not None:
        types = {tag: scheme.types[k] if k >= 0 else "" for tag, k in zip(target.classes, scheme.kind, strict=True)}
    members: dict[str, list[Sample]] = {name: [] for name in dict.fromkeys(types.values()) if name}
    for sample in known:
        for name in {types[tag]: None for tag in sample.names if types[tag]}:
            members[name].append(sample)
    return members


def spread(samples: Sequence[Sample], n: int) -> Sequence[Sample]:
    """At most `n` of the samples, evenly spread over them."""
    return samples if len(samples) <= n else [samples[i * len(samples) // n] for i in range(n)]


def excerpts(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """The beginnings of three texts of each kind, each in a line; of at most 40 kinds."""
    return {
        name: tuple(_line(dataset, name, sample) for sample in spread(members, _SHOWN))
        for name, members in [*kinds(dataset).items()][:MOST_CLASSES]
    }


def _quarters(known: Sequence[Sample]) -> dict[str, list[Sample]]:
    """By the first number, from the lowest to the highest; equal numbers together."""
    values = np.array([_number(sample) for sample in known])
    edges = np.quantile(values, np.arange(1, _QUARTERS) / _QUARTERS) if len(values) else values
    quarter = np.searchsorted(edges, values, side="left")
    found = {}
    for number in np.unique(quarter):
        inside = np.flatnonzero(quarter == number)
        low, high = values[inside].min(), values[inside].max()
        name = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        found[name] = sorted((known[int(i)] for i in inside), key=_number)
    return found


def _number(sample: Sample) -> float:
    return float(cast("tuple[float, ...]", sample.label)[0])


def _line(dataset: Dataset, name: str, sample: Sample) -> str:
    """What is shown of a text: before it a number or the first entity, behind it what is to be written."""
    if not isinstance(sample.source, Text):
        return sample.id
    line, kind = _beginning(sample.source), dataset.target.kind
    if kind == "regress":
        return f"{_number(sample):g}: {line}"
    if kind == "generate":
        return f"{_cut(line, _LONGEST // 2)} -> {_cut(_one_line(str(sample.label)), _LONGEST // 2)}"
    return f"{_first(dataset, name, sample)}: {line}" if kind == "tag" else line


def _first(dataset: Dataset, name: str, sample: Sample) -> str:
    """The words of the first entity of a type, or the first word with a tag."""
    scheme, tags = Scheme.of(dataset.target.classes), cast("tuple[str, ...]", sample.label)
    words = cast(Text, sample.source).words
    start = stop = tags.index(name) if name in tags else 0
    if scheme is not None:
        found = scheme.spans(dataset.target.encode([tags])[0], np.zeros(len(tags), dtype=np.int64))
        place = int(np.flatnonzero(found.kind == scheme.types.index(name))[0])
        start, stop = int(found.start[place]), int(found.stop[place]) - 1
    return clean(" ".join(words[start : stop + 1]))


def _beginning(text: Text) -> str:
    """The texts of a pair are set apart by a bar."""
    return _cut(" | ".join(_one_line(part) for part in text.parts), _LONGEST)


def _one_line(text: str) -> str:
    return clean(" ".join(text[: 4 * _LONGEST].split()))


def _cut(line: str, longest: int) -> str:
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
