"""The one-file HTML report: everything of an outcome, for someone who does not train networks for a living."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.outcome import Outcome
from warmstart.files import write_text
from warmstart.report import figures, numbers, sections, words
from warmstart.report.answered import answered
from warmstart.report.charts.bars import percent_axis
from warmstart.report.distilled import distilled
from warmstart.report.doubt import doubt
from warmstart.report.embedding import embedding
from warmstart.report.foretold import foretold
from warmstart.report.forgotten import forgotten
from warmstart.report.marked import marked
from warmstart.report.page import render
from warmstart.report.shifted import shifted
from warmstart.report.tasks import sharing, tasks
from warmstart.report.texts import telling


def write_report(outcome: Outcome, path: Path, *, contact_sheet: Image.Image | None = None) -> Path:
    """Write the report of `outcome` to `path` (replaced as a whole, or not at all) and return the path.

    `contact_sheet` is a picture of samples of every class, as `warmstart.data.contact` draws it.
    """
    write_text(path, report_html(outcome, contact_sheet=contact_sheet))
    return path


def report_html(outcome: Outcome, *, contact_sheet: Image.Image | None = None) -> str:
    """The report as text."""
    return render("report.html.j2", o=outcome, **_context(outcome, contact_sheet))


def _context(outcome: Outcome, contact_sheet: Image.Image | None) -> dict[str, Any]:
    """What the templates show, section by section."""
    temperature = (
        f"One temperature, {outcome.temperature:.2f}, found on the validation {words.noun(outcome)}, is applied to all "
        "probabilities; it changes no answer."
    )
    sheet = [
        ("seed", str(outcome.seed)),
        *sections.backbone_sheet(outcome.backbone, outcome.preprocess),
        *sections.environment_sheet(outcome.environment),
    ]
    return {
        "noun": words.noun(outcome),
        "asks": words.asks(outcome),
        "part": words.part(outcome),
        "metric": metric_name(outcome.metric),
        "date": numbers.moment(outcome.environment.get("date", "")),
        "verdict": words.verdict(outcome),
        "key": _key(outcome),
        "majority": sections.majority(outcome),
        "measures": sections.measures(outcome.test, outcome.metric),
        "bars": figures.rung_bars(outcome),
        "axis": percent_axis(),
        "comparisons": [
            {"text": words.comparison(pair, outcome), "kind": pair.verdict.split()[0]} for pair in outcome.differences
        ],
        "differences": figures.difference_plot(outcome),
        "distilled": distilled(outcome),
        "forgotten": forgotten(outcome),
        "embedding": embedding(outcome),
        "tasks": tasks(outcome),
        "sharing": sharing(outcome),
        **sections.errors(outcome),
        "answered": answered(outcome),
        "foretold": foretold(outcome),
        "marked": marked(outcome),
        **sections.trust(outcome, temperature),
        "doubt": doubt(outcome),
        "shifted": shifted(outcome),
        "telling": telling(outcome),
        **sections.data(outcome, outcome.split["how"], contact_sheet),
        "val_metrics": _val_metrics(outcome),
        "curves": figures.learning_curves(outcome.rungs, outcome.metric),
        "again": "The same command with the same data and versions gives the same model.",
        "sheets": [("", sheet)],
        "plan": outcome.plan,
    }


def _key(outcome: Outcome) -> dict[str, str] | None:
    interval = outcome.test.get(outcome.metric)
    if interval is None:
        return None
    return {
        "value": numbers.value(outcome.metric, interval.value),
        "metric": metric_name(outcome.metric),
        "span": numbers.span(outcome.metric, interval),
        "count": numbers.count(outcome.split[outcome.evaluated_on]),
        "resting": words.resting(outcome),
    }


def _val_metrics(outcome: Outcome) -> list[str]:
    """Columns of the table of attempts: the primary metric, macro F1 and log loss, where any attempt has them."""
    wanted = dict.fromkeys((outcome.metric, "macro_f1", "log_loss", "exact_match", "mae", "mase", "map_50", "dice"))
    return [name for name in wanted if any(name in rung.val for rung in outcome.rungs)]
