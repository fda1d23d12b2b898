"""The one-file HTML page of a `compare`: which method is best here, and what of that the data can show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from warmstart.evaluation.comparison import Comparison, Entry
from warmstart.evaluation.measures import metric_name
from warmstart.files import write_text
from warmstart.report import contenders, figures, gains, numbers, sections, words
from warmstart.report.answered import answered
from warmstart.report.foretold import foretold
from warmstart.report.marked import marked
from warmstart.report.page import render
from warmstart.report.tasks import sharing, tasks
from warmstart.report.tried import tried


def write_comparison(comparison: Comparison, path: Path, *, contact_sheet: Image.Image | None = None) -> Path:
    """Write the page of `comparison` to `path` (replaced as a whole, or not at all) and return the path.

    `contact_sheet` is a picture of samples of every class, as `warmstart.data.contact` draws it.
    """
    write_text(path, comparison_html(comparison, contact_sheet=contact_sheet))
    return path


def comparison_html(comparison: Comparison, *, contact_sheet: Image.Image | None = None) -> str:
    """The page as text."""
    return render("comparison.html.j2", o=comparison, **_context(comparison, contact_sheet))


def _context(comparison: Comparison, contact_sheet: Image.Image | None) -> dict[str, Any]:
    """What the templates show, section by section."""
    noun, best = words.noun(comparison), contenders.best(comparison)
    temperature = (
        f"Every trained model has a temperature of its own, found on its validation {noun}; it changes no answer."
    )
    cards = zip(comparison.backbones, comparison.preprocess, strict=True)
    return {
        "noun": noun,
        "part": words.part(comparison),
        "metric": metric_name(comparison.metric),
        "date": numbers.moment(comparison.environment.get("date", "")),
        "key": None if best is None else _key(comparison, best),
        "picked": _picked(comparison),
        "hurting": [entry.name for entry in comparison.entries if entry.hurts],
        "failed": [(entry.name, entry.failed) for entry in comparison.entries if entry.failed],
        "table": contenders.table(comparison),
        "strips": contenders.strips(comparison),
        "over_scratch": gains.view(comparison, "no transfer"),
        "over_frozen": gains.view(comparison, "frozen"),
        "untransferred": any(entry.role == "no transfer" for entry in comparison.entries),
        "frozen": any(entry.role == "frozen" for entry in comparison.entries),
        "against_time": contenders.against_time(comparison),
        "curves": figures.learning_curves(comparison.entries, comparison.metric),
        "best": best,
        "measures": [] if best is None else sections.measures(best.metrics, comparison.metric),
        "majority": sections.majority(comparison),
        "tasks": tasks(comparison),
        "sharing": sharing(comparison),
        **sections.errors(comparison),
        "answered": answered(comparison),
        "foretold": foretold(comparison),
        "marked": marked(comparison),
        **sections.trust(comparison, temperature),
        **sections.data(comparison, comparison.how, contact_sheet),
        "tried": tried(comparison),
        "again": "The same command with the same data, versions and seeds gives the same numbers. Trials that are "
        "finished are not run again.",
        "sheets": [
            ("", _sheet(comparison)),
            *((f"Backbone {card.get('name', '')}", sections.backbone_sheet(card, spec)) for card, spec in cards),
        ],
        "plan": "",
    }


def _key(comparison: Comparison, best: Entry) -> dict[str, str]:
    interval = best.metrics[comparison.metric]
    return {
        "name": best.name,
        "value": numbers.value(comparison.metric, interval.value),
        "span": numbers.span(comparison.metric, interval),
        "resting": words.resting(comparison),
    }


def _picked(comparison: Comparison) -> dict[str, Any] | None:
    """What choosing by validation would have reached, and how often it chose whom, most often first."""
    found = comparison.picked
    if found is None:
        return None
    often = sorted(found.counts.items(), key=lambda pair: -pair[1])
    return {
        "value": numbers.value(comparison.metric, found.value.value),
        "span": numbers.span(comparison.metric, found.value),
        "counts": [(name, numbers.count(n)) for name, n in often if n],
        "choices": numbers.count(sum(found.counts.values())),
        "same": [name for name, n in often if n] == [comparison.best],
    }


def _sheet(comparison: Comparison) -> sections.Sheet:
    many = len(comparison.seeds) > 1
    return [
        ("seeds" if many else "seed", ", ".join(map(str, comparison.seeds))),
        ("folds", str(comparison.folds)),
        *sections.environment_sheet(comparison.environment),
    ]
