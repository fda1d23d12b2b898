"""The section on answers that are no classes: labels, numbers, tags, texts."""

from __future__ import annotations

from typing import Any

from warmstart.evaluation.outcome import Outcome
from warmstart.report.charts.agreement import agreement
from warmstart.report.charts.histogram import histogram
from warmstart.report.words import Facts, noun, part

_LEADS = {
    "multilabel": "The loss is the negative logarithm of the probability that the model gave to the truth, mean over "
    "the labels: 0.7 is the surprise of a lost coin toss.",
    "regress": "Beside each is the absolute error.",
    "tag": "The loss is the negative logarithm of the probability that the model gave to the true tags.",
    "generate": "Written freely, word by word, as it would be when it serves.",
}
_ROWS = {"multilabel": "Label by label", "tag": "Kind by kind"}


def _scores(facts: Facts) -> dict[str, Any]:
    """Of anomalies: the scores of both kinds, and the samples of the highest ones."""
    rows = [(name, [score for kind, score in facts.pairs if kind == i]) for i, name in enumerate(facts.classes)]
    alarm = facts.alarm_beyond if isinstance(facts, Outcome) else None
    return {
        "title": "Farthest from normal",
        "about": f"The {part(facts)} {noun(facts)} of the highest scores. 1 is a typical distance of a normal sample; "
        "p is the share of normal samples, each measured without itself, that lie as far or farther.",
        "worst": [one for one in facts.shown if one.worst],
        "drawn": [one for one in facts.shown if not one.worst],
        "rows": "",
        "scores": histogram([row for row in rows if row[1]], alarm, f"scores of {len(facts.pairs)} {noun(facts)}"),
        "agreement": "",
        "losses": True,
    }


def answered(facts: Facts) -> dict[str, Any] | None:
    """What `answered.html.j2` shows; `None` where answers are classes, or nothing was measured."""
    if facts.task == "classify" or not facts.shown:
        return None
    if facts.task == "anomaly":
        return _scores(facts)
    what = f"true and answered numbers of {len(facts.pairs)} {part(facts)} {noun(facts)}"
    return {
        "title": "Where it goes wrong",
        "about": f"The {part(facts)} {noun(facts)} that surprised the model most. They are worth a look: often the "
        f"label, not the model, is at fault. {_LEADS.get(facts.task, '')}",
        "scores": "",
        "worst": [one for one in facts.shown if one.worst],
        "drawn": [one for one in facts.shown if not one.worst],
        "rows": _ROWS.get(facts.task, "") if facts.per_class else "",
        "agreement": agreement(facts.pairs, what) if facts.pairs else "",
        "losses": facts.task != "generate",
    }
