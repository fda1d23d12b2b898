"""The page and the data of one `adapt`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warmstart.evaluation.adaptation import Adaptation, Choice, Tried
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.verdict import points
from warmstart.files import write_text
from warmstart.report import numbers, sections, words
from warmstart.report.charts.bars import interval_bar, percent_axis
from warmstart.report.page import render
from warmstart.report.results import write_facts
from warmstart.report.similarity import measure_row, short

FORMAT = "warmstart-adaptation/1"


def write_adaptation(found: Adaptation, folder: Path) -> Path:
    """Write `report.html` and then `results.json`, each as a whole or not at all; returns the path of the page."""
    page = folder / "report.html"
    write_text(page, adaptation_html(found))
    write_facts(found.to_dict(), FORMAT, folder / "results.json")
    return page


def adaptation_html(found: Adaptation) -> str:
    """The page as text."""
    run = [one for one in found.tried if not one.skipped]
    return render(
        "adaptation.html.j2",
        o=found,
        noun=words.noun_of(found.preprocess),
        date=numbers.moment(found.environment.get("date", "")),
        metric=metric_name(found.metric),
        key=_key(found),
        chosen_by=_titled(found, found.criterion),
        bars=[_row(one, found) for one in run],
        axis=percent_axis(),
        skipped=[one for one in found.tried if one.skipped],
        comparisons=[{"kind": one.gain.verdict.split()[0], "text": _gain(one)} for one in run if one.gain is not None],
        values=[{"of": one, "values": _values(one, found), "usual": _usual(one, found)} for one in run],
        shift_rows=[measure_row(m) for m in found.shift.measures if m.interval is not None] if found.shift else [],
        again="The same command with the same data and versions gives the same model.",
        sheets=[
            (
                "",
                [
                    ("seed", str(found.seed)),
                    *sections.backbone_sheet(found.backbone, found.preprocess),
                    *sections.environment_sheet(found.environment),
                ],
            )
        ],
        plan=found.plan,
    )


def _key(found: Adaptation) -> dict[str, str] | None:
    """What the chosen method reaches on the target; nothing where that is not known."""
    reached = found.of(found.chosen).target
    if reached is None:
        return None
    return {"value": numbers.value(found.metric, reached.value), "span": numbers.span(found.metric, reached)}


def _row(one: Tried, found: Adaptation) -> dict[str, Any]:
    """A bar: what a method reaches on the target, or where there are no labels, on held-out samples of the source."""
    reached: Interval | None = one.target or one.val
    assert reached is not None, "it was run"
    tone = "chosen" if one.name == found.chosen else "candidate"
    text = numbers.value(found.metric, reached.value)
    bar = interval_bar(f"{one.name}: {text}", reached.value, reached.low, reached.high, tone)
    span = numbers.span(found.metric, reached)
    flags = [word for word, there in (("chosen", tone == "chosen"), ("oracle", one.name == found.oracle)) if there]
    return {"of": one, "tone": tone, "value": text, "span": span, "bar": bar, "flags": flags}


def _values(one: Tried, found: Adaptation) -> list[dict[str, Any]]:
    """Each criterion's value, and whether it is what that criterion picks."""
    return [{"text": short(one.criteria[c.name]), "picked": c.picks == one.name} for c in found.choices]


def _usual(one: Tried, found: Adaptation) -> str:
    """The most frequent answer for the target, by which it is seen where all is answered alike."""
    most = max(range(len(one.answers)), key=lambda i: one.answers[i])
    return f"{found.classes[most]} ({numbers.percent(one.answers[most] / max(sum(one.answers), 1), 0)})"


def _titled(found: Adaptation, name: str) -> Choice:
    return next(choice for choice in found.choices if choice.name == name)


def _gain(one: Tried) -> str:
    assert one.gain is not None
    if one.gain.verdict in ("better", "worse"):
        return f"{one.name} is {one.gain.verdict} than {one.gain.than}: {points(one.gain.difference)}."
    return f"{one.name} against {one.gain.than}: {one.gain.verdict}, {points(one.gain.difference)}."
