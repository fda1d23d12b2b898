"""The page, the data and the recipe of a recommendation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.outcome import Rung
from warmstart.evaluation.recommendation import Ranked, Recommendation, Tuned
from warmstart.evaluation.verdict import points
from warmstart.files import write_text
from warmstart.preprocess.kinds import PLURAL, UNIT
from warmstart.report import numbers
from warmstart.report.charts.bars import interval_bar, percent_axis
from warmstart.report.page import render
from warmstart.report.results import write_facts

FORMAT = "warmstart-recommendation/1"
HEADS = {"knn": "neighbours", "ridge": "ridge"}
BASIS = {
    "published": "published with these weights",
    "architecture": "published for other weights of the same architecture",
    "size": "estimated from its operations",
    "unrated": "nothing is published of texts by which it could be ranked",
    "none": "nothing is known to be good about it",
}


def write_recommendation(found: Recommendation, folder: Path, recipe: str) -> None:
    """Write the recipe (to the file name `recipe`), `report.html` and, as the last, `results.json` to `folder`."""
    write_text(folder / recipe, found.recipe)
    write_text(folder / "report.html", recommendation_html(found))
    write_facts(found.to_dict(), FORMAT, folder / "results.json")


def recommendation_html(found: Recommendation) -> str:
    """The page as text."""
    forecast = found.metric == "skill"
    return render(
        "recommendation.html.j2",
        o=found,
        noun="windows" if forecast else PLURAL[found.kind],
        one="window" if forecast else found.kind,
        forecast=forecast,
        heads={head: HEADS[head] for head in found.candidates[0].rounds[-1].accuracy},
        unit="px" if found.kind == "image" else UNIT[found.kind],
        date=numbers.moment(found.environment.get("date", "")),
        metric=metric_name(found.metric),
        rows=[_row(one, found) for one in found.candidates],
        axis=percent_axis(),
        tuned=[{"of": one, "gain": _gain(one), "bars": _bars(one, found.metric)} for one in found.tuned],
        difference=points(found.difference.difference) if found.difference is not None else "",
        measures=sorted(
            {name for one in found.candidates for name in one.transferability},
            key=lambda name: (-found.agreement.get(name, -2.0), name),
        ),
        unavailable=[(one.backbone, "; ".join(dict.fromkeys(one.unavailable.values()))) for one in found.candidates],
        basis=BASIS,
    )


def _row(one: Ranked, found: Recommendation) -> dict[str, Any]:
    """A candidate with its bar: of the better head in the last round it took part in."""
    probed = one.rounds[-1]
    best = probed.best
    tone = "chosen" if one.backbone == found.backbone else "candidate"
    text = numbers.value(found.metric, best.value)
    return {
        "of": one,
        "probed": probed,
        "tone": tone,
        "value": text,
        "span": numbers.span(found.metric, best),
        "bar": interval_bar(f"{one.backbone}: {text}", best.value, best.low, best.high, tone),
        "milliseconds": f"{1000 * one.seconds_per_sample:.3g}",
    }


def _gain(one: Tuned) -> str:
    return (
        "" if one.gain is None else f"{one.method} against the probe: {points(one.gain.difference)}; {one.gain.verdict}"
    )


def _bars(one: Tuned, metric: str) -> list[dict[str, Any]]:
    """A bar per method that was tried, with the interval of the one that was chosen."""
    rows = []
    for rung in one.rungs:
        measured = rung.val.get(metric)
        if rung.skipped or measured is None:
            continue
        chosen = rung.name == one.method
        low, high = (one.value.low, one.value.high) if chosen else (None, None)
        text, tone = numbers.value(metric, measured), "chosen" if chosen else "candidate"
        span = numbers.span(metric, one.value) if chosen else ""
        bar = interval_bar(f"{rung.name}: {text}", measured, low, high, tone)
        rows.append({"rung": rung, "about": _about(rung), "tone": tone, "value": text, "span": span, "bar": bar})
    return rows


def _about(rung: Rung) -> str:
    return f"{rung.about}, {numbers.duration(rung.seconds)}"
