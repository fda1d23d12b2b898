"""What the sections that every report has are drawn from: one function per template, facts in, context out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image

from warmstart.evaluation.interval import Interval
from warmstart.evaluation.measures import MEASURES, metric_name
from warmstart.report import audited, figures, numbers, words
from warmstart.report.confused import confusion_table, sample_blocks, top_confusions
from warmstart.report.images import data_uri
from warmstart.report.labelled import labelled
from warmstart.report.words import Facts

Context = dict[str, Any]
Sheet = list[tuple[str, str]]
TABLE_LIMIT = 30
"""With more classes than this the confusion table gives way to a list of the most frequent mistakes."""


def errors(facts: Facts) -> Context:
    """For `errors.html.j2`: what is taken for what, and the classes, worst first."""
    few = len(facts.classes) <= TABLE_LIMIT
    table, confusions = confusion_table(facts) if few else None, top_confusions(facts, 5 if few else 30)
    linked = {cell.anchor for *_, cells in table or () for cell in cells} | {row["anchor"] for row in confusions}
    return {
        "confusion": table,
        "confusions": confusions,
        "blocks": sample_blocks(facts, linked),
        "classes": sorted(facts.per_class, key=lambda row: 2.0 if row["f1"] is None else row["f1"]),
        "suffix": "",
    }


def trust(facts: Facts, calibrated: str) -> Context:
    """For `trust.html.j2`; `calibrated` says how the probabilities were."""
    return {"reliability": figures.reliability_views(facts), "calibrated": calibrated}


def data(facts: Facts, how: str, contact_sheet: Image.Image | None) -> Context:
    """For `data.html.j2`; `how` says in which parts the data was cut."""
    return {
        "how": how,
        "problems": audited.problems(facts),
        "class_bars": audited.class_bars(facts),
        "listings": audited.listings(facts),
        "sizes": audited.sizes(facts),
        "labelled": labelled(facts),
        "contact_sheet": data_uri(contact_sheet) if contact_sheet is not None else "",
    }


def measures(metrics: Mapping[str, Interval], primary: str) -> list[dict[str, str]]:
    """The metrics beside the primary one."""
    return [
        {
            "name": metric_name(name),
            "value": numbers.value(name, interval.value),
            "span": numbers.span(name, interval),
            "meaning": MEASURES[name].meaning if name in MEASURES else "",
        }
        for name, interval in metrics.items()
        if name != primary
    ]


def majority(facts: Facts) -> dict[str, str] | None:
    """What the laziest model would reach: always the most frequent class of the samples measured on."""
    total = sum(row["count"] for row in facts.per_class)
    if not total or facts.metric != "accuracy":
        return None
    most = max(facts.per_class, key=lambda row: int(row["count"]))
    return {"name": most["name"], "share": numbers.percent(most["count"] / total)}


def backbone_sheet(card: Mapping[str, Any], spec: Mapping[str, Any]) -> Sheet:
    """Facts of a backbone and of what it takes, as name and text."""
    return _sheet(
        {
            "backbone": f"{card.get('name', '')} ({card.get('architecture', '')})",
            "weights from": card.get("source"),
            "weights sha256": card.get("weights_sha256"),
            "licence of the weights": words.licence(card),
            "trained on": card.get("trained_on"),
            "parameters": numbers.count(card["parameters"]) if "parameters" in card else None,
            "input": words.reads(card, spec),
            "bands": words.bands(spec),
        }
    )


def environment_sheet(environment: Mapping[str, Any]) -> Sheet:
    """Versions and machine, as name and text."""
    shown = {key.replace("_", " "): value for key, value in environment.items() if key != "memory_bytes"}
    if "memory_bytes" in environment:
        shown["free memory"] = numbers.memory(environment["memory_bytes"])
    return _sheet(shown)


def _sheet(facts: Mapping[str, Any]) -> Sheet:
    return [(name, _plain(value)) for name, value in facts.items() if value not in (None, "")]


def _plain(value: Any) -> str:
    """A fact in one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(inner) for inner in value)
    return str(value)
