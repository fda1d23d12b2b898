"""Some samples of each class, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence

from warmstart.data.names import clean
from warmstart.data.schema import Dataset, Sample, Text

MOST_CLASSES = 40
_SHOWN, _LONGEST = 3, 160


def examples(dataset: Dataset, n: int) -> dict[str, Sequence[Sample]]:
    """At most `n` samples of each class, evenly spread over those it has."""
    members: dict[str, list[Sample]] = {name: [] for name in dataset.target.classes}
    for sample in dataset.samples:
        for name in sample.names:
            members[name].append(sample)
    return {
        name: all_of if len(all_of) <= n else [all_of[i * len(all_of) // n] for i in range(n)]
        for name, all_of in members.items()
    }


def excerpts(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """The beginnings of three texts of each class, each in a line; of at most 40 classes."""
    some_of = examples(dataset, _SHOWN)
    return {
        name: tuple(_beginning(s.source) for s in some_of[name] if isinstance(s.source, Text))
        for name in dataset.target.classes[:MOST_CLASSES]
    }


def _beginning(text: Text) -> str:
    """The texts of a pair are set apart by a bar."""
    line = " | ".join(clean(" ".join(part[: 4 * _LONGEST].split())) for part in text.parts)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
