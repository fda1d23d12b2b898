"""The section on answers that are no classes: labels, numbers, tags, texts."""

from __future__ import annotations

from typing import Any

from warmstart.report.charts.agreement import agreement
from warmstart.report.words import Facts, noun, part

_LEADS = {
    "multilabel": "The loss is the negative logarithm of the probability that the model gave to the truth, mean over "
    "the labels: 0.7 is the surprise of a lost coin toss.",
    "regress": "Beside each is the absolute error.",
    "tag": "The loss is the negative logarithm of the probability that the model gave to the true tags.",
    "generate": "Written freely, word by word, as it would be when it serves.",
}
_ROWS = {"multilabel": "Label by label", "tag": "Kind by kind"}


def answered(facts: Facts) -> dict[str, Any] | None:
    """What `answered.html.j2` shows; `None` where answers are classes, or nothing was measured."""
    if facts.task == "classify" or not facts.shown:
        return None
    what = f"true and answered numbers of {len(facts.pairs)} {part(facts)} {noun(facts)}"
    return {
        "lead": _LEADS.get(facts.task, ""),
        "worst": [one for one in facts.shown if one.worst],
        "drawn": [one for one in facts.shown if not one.worst],
        "rows": _ROWS.get(facts.task, "") if facts.per_class else "",
        "agreement": agreement(facts.pairs, what) if facts.pairs else "",
        "losses": facts.task != "generate",
    }
