"""The confusion matrix as a heat table, or as a list where a table would be too large to read."""

from __future__ import annotations

import dataclasses
from typing import Any

from warmstart.report.numbers import percent
from warmstart.report.words import Facts, noun

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Cell:
    """One field of the confusion table: `heat` is the share of its row, 0..1."""

    count: int
    heat: str
    kind: str
    title: str


def confusion_table(facts: Facts) -> list[tuple[str, int, list[Cell]]]:
    """Rows (true class, total, cells); shading is the share of the true class."""
    table: list[tuple[str, int, list[Cell]]] = []
    if not facts.confusion:
        return table
    for i, (name, counts) in enumerate(zip(facts.classes, facts.confusion, strict=True)):
        total = sum(counts)
        cells = [
            Cell(
                n,
                f"{n / total if total else 0:.3f}",
                "hit" if i == j else "miss",
                f"{n} {noun(facts)} of {name} answered {facts.classes[j]}",
            )
            for j, n in enumerate(counts)
        ]
        table.append((name, total, cells))
    return table


def top_confusions(facts: Facts, n: int) -> list[Row]:
    """The most frequent wrong answers: true class, answer, how many, and their share of the true class."""
    pairs = [
        (counts[j], i, j)
        for i, counts in enumerate(facts.confusion)
        for j in range(len(counts))
        if i != j and counts[j]
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    return [
        {
            "true": facts.classes[i],
            "said": facts.classes[j],
            "count": count,
            "share": percent(count / sum(facts.confusion[i]), 0),
        }
        for count, i, j in pairs[:n]
    ]
