"""The page and the data of one `similarity`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from warmstart.evaluation.interval import Interval
from warmstart.evaluation.similarity import BlockRow, Measurement, SimilarityOutcome
from warmstart.files import write_text
from warmstart.report import numbers, sections, words
from warmstart.report.charts.bars import interval_bar
from warmstart.report.page import render
from warmstart.report.results import write_facts

FORMAT = "warmstart-similarity/1"
NO_SHIFT = {"cosine": 1.0, "auc": 0.5}
"""Where a measure is if the sets are alike; 0 for the others. Bars show how far from there it is."""


def write_similarity(outcome: SimilarityOutcome, folder: Path) -> Path:
    """Write `results.json` and `report.html` (each as a whole, or not at all) and return the path of the page."""
    write_facts(outcome.to_dict(), FORMAT, folder / "results.json")
    page = folder / "report.html"
    write_text(page, similarity_html(outcome))
    return page


def similarity_html(outcome: SimilarityOutcome) -> str:
    """The page as text."""
    found = outcome.found
    return render(
        "similarity.html.j2",
        o=outcome,
        noun=words.noun_of(outcome.preprocess),
        date=numbers.moment(outcome.environment.get("date", "")),
        measures=[measure_row(m) for m in found.measures if m.interval is not None],
        refused=[m for m in found.measures if m.refused],
        blocks=block_rows(found.blocks),
        again="The same command with the same data and versions gives the same result.",
        sheets=[
            (
                "",
                [
                    ("seed", str(outcome.seed)),
                    *sections.backbone_sheet(outcome.backbone, outcome.preprocess),
                    *sections.environment_sheet(outcome.environment),
                ],
            )
        ],
        plan="",
    )


def measure_row(m: Measurement) -> dict[str, Any]:
    """Name, value, span and two bars on one scale: halves of A against halves of B, and the two halves of A."""
    assert m.interval is not None
    assert m.baseline is not None
    assert m.halves is not None
    rest = NO_SHIFT.get(m.name, 0.0)
    margin = (m.interval.high - m.interval.low) / 2
    shift, usual = _from(rest, Interval(m.halves, m.halves - margin, m.halves + margin)), _from(rest, m.baseline)
    largest = max(shift.high, usual.high) or 1.0
    return {
        "m": m,
        "value": short(m.interval.value),
        "span": f"{short(m.interval.low)} to {short(m.interval.high)}",
        "usual": f"{short(m.baseline.low)} to {short(m.baseline.high)}",
        "bars": [
            _bar(f"A against B, {m.title}", shift, largest, "chosen"),
            _bar(f"two halves of A, {m.title}", usual, largest, "baseline"),
        ],
    }


def block_rows(blocks: tuple[BlockRow, ...]) -> list[dict[str, Any]]:
    """Name, MMD² and CKA of each block, and two bars on the scale of all."""
    largest = max((max(row.mmd.high, row.baseline.high) for row in blocks), default=1.0)
    return [
        {
            "name": row.name,
            "value": short(row.mmd.value),
            "cka": "–" if row.cka is None else f"{row.cka:.2f}",
            "bars": [
                _bar(f"A against B in {row.name}", row.mmd, largest, "chosen"),
                _bar(f"two halves of A in {row.name}", row.baseline, largest, "baseline"),
            ],
        }
        for row in blocks
    ]


def _from(rest: float, interval: Interval) -> Interval:
    """How far from `rest` a value and its interval are; both ends are on one side of it, or cut off there."""
    side = 1.0 if interval.value >= rest else -1.0
    low, high = sorted(max(side * (end - rest), 0.0) for end in (interval.low, interval.high))
    return Interval(abs(interval.value - rest), low, high)


def _bar(label: str, interval: Interval, largest: float, tone: str) -> Markup:
    return interval_bar(label, interval.value / largest, interval.low / largest, interval.high / largest, tone)


def short(value: float) -> str:
    """A number of any size, to three digits.

    >>> short(0.12345), short(-0.00001234), short(1234.5)
    ('0.123', '-1.23e-05', '1234')
    """
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
