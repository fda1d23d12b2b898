"""The one-file HTML report: everything of an outcome, for someone who does not train networks for a living."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from warmstart.evaluation.outcome import Outcome
from warmstart.files import write_text
from warmstart.report import figures, numbers, words
from warmstart.report.audited import class_bars, listings, problems, sizes
from warmstart.report.charts.bars import percent_axis
from warmstart.report.confused import confusion_table, sample_blocks, top_confusions
from warmstart.report.embedding import embedding
from warmstart.report.images import data_uri
from warmstart.report.page import render
from warmstart.report.sheet import sheet

TABLE_LIMIT = 30
"""With more classes than this the confusion table gives way to a list of the most frequent mistakes."""


def write_report(outcome: Outcome, path: Path, *, contact_sheet: Image.Image | None = None) -> Path:
    """Write the report of `outcome` to `path` (replaced as a whole, or not at all) and return the path.

    `contact_sheet` is a picture of samples of every class, as `warmstart.data.contact` draws it.
    """
    write_text(path, report_html(outcome, contact_sheet=contact_sheet))
    return path


def report_html(outcome: Outcome, *, contact_sheet: Image.Image | None = None) -> str:
    """The report as text."""
    picture = data_uri(contact_sheet) if contact_sheet is not None else ""
    return render("report.html.j2", o=outcome, contact_sheet=picture, **_context(outcome))


def _context(outcome: Outcome) -> dict[str, Any]:
    """What the template shows, section by section."""
    few = len(outcome.classes) <= TABLE_LIMIT
    table, confusions = confusion_table(outcome) if few else None, top_confusions(outcome, 5 if few else 30)
    linked = {cell.anchor for *_, cells in table or () for cell in cells} | {row["anchor"] for row in confusions}
    return {
        "noun": words.noun(outcome),
        "part": words.part(outcome),
        "metric": numbers.metric_name(outcome.metric),
        "date": numbers.moment(outcome.environment.get("date", "")),
        "verdict": words.verdict(outcome),
        "key": _key(outcome),
        "majority": _majority(outcome),
        "measures": _measures(outcome),
        "bars": figures.rung_bars(outcome),
        "axis": percent_axis(),
        "comparisons": [
            {"text": words.comparison(pair, outcome), "kind": pair.verdict.split()[0]} for pair in outcome.differences
        ],
        "differences": figures.difference_plot(outcome),
        "confusion": table,
        "confusions": confusions,
        "blocks": sample_blocks(outcome, linked),
        "embedding": embedding(outcome),
        "classes": sorted(outcome.per_class, key=lambda row: 2.0 if row["f1"] is None else row["f1"]),
        "reliability": figures.reliability_views(outcome),
        "problems": problems(outcome),
        "class_bars": class_bars(outcome),
        "listings": listings(outcome),
        "sizes": sizes(outcome),
        "val_metrics": _val_metrics(outcome),
        "curves": figures.learning_curves(outcome),
        "sheet": sheet(outcome.seed, outcome.backbone, outcome.preprocess, outcome.environment),
    }


def _key(outcome: Outcome) -> dict[str, str] | None:
    interval = outcome.test.get(outcome.metric)
    if interval is None:
        return None
    return {
        "value": numbers.value(outcome.metric, interval.value),
        "metric": numbers.metric_name(outcome.metric),
        "span": numbers.span(outcome.metric, interval),
        "count": numbers.count(outcome.split[outcome.evaluated_on]),
    }


def _majority(outcome: Outcome) -> dict[str, str] | None:
    """What the laziest model would reach: always the most frequent class of the samples measured on."""
    total = sum(row["count"] for row in outcome.per_class)
    if not total or outcome.metric != "accuracy":
        return None
    most = max(outcome.per_class, key=lambda row: int(row["count"]))
    return {"name": most["name"], "share": numbers.percent(most["count"] / total)}


def _measures(outcome: Outcome) -> list[dict[str, str]]:
    """The other metrics of the chosen model."""
    return [
        {
            "name": numbers.metric_name(name),
            "value": numbers.value(name, interval.value),
            "span": numbers.span(name, interval),
            "meaning": numbers.MEANING.get(name, ""),
        }
        for name, interval in outcome.test.items()
        if name != outcome.metric
    ]


def _val_metrics(outcome: Outcome) -> list[str]:
    """Columns of the table of attempts: the primary metric, macro F1 and log loss, where any attempt has them."""
    wanted = dict.fromkeys((outcome.metric, "macro_f1", "log_loss"))
    return [name for name in wanted if any(name in rung.val for rung in outcome.rungs)]
