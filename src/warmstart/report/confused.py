"""The confusion matrix as a heat table, or as a list where a table would be too large to read."""

from __future__ import annotations

import dataclasses
from collections.abc import Container
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
    anchor: str = ""  # id of the block that shows its samples


def confusion_table(facts: Facts) -> list[tuple[str, int, list[Cell]]]:
    """Rows (true class, total, cells); shading is the share of the true class."""
    table: list[tuple[str, int, list[Cell]]] = []
    anchors = {(cell.row, cell.column): anchor(cell.row, cell.column) for cell in facts.cells}
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
                anchors.get((i, j), ""),
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
    shown = {(cell.row, cell.column) for cell in facts.cells}
    return [
        {
            "true": facts.classes[i],
            "said": facts.classes[j],
            "count": count,
            "anchor": anchor(i, j) if (i, j) in shown else "",
            "share": percent(count / sum(facts.confusion[i]), 0),
        }
        for count, i, j in pairs[:n]
    ]


def anchor(row: int, column: int) -> str:
    """The id of the block with the samples of a cell."""
    return f"cell-{row}-{column}"


def sample_blocks(facts: Facts, linked: Container[str]) -> list[Row]:
    """A block for each cell that something on the page leads to, with the classes in words."""
    return [
        {
            "anchor": anchor(cell.row, cell.column),
            "true": facts.classes[cell.row],
            "said": facts.classes[cell.column],
            "right": cell.row == cell.column,
            "count": cell.count,
            "samples": cell.samples,
            "bare": [one for one in cell.samples if not one.text and not one.thumbnail.startswith("data:image/")],
        }
        for cell in facts.cells
        if anchor(cell.row, cell.column) in linked
    ]
