"""The section on what a network that was trained further gained, and what it forgot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from warmstart.evaluation.compare import ROPE
from warmstart.evaluation.forgotten import Change, ClassChange, Forgotten
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.outcome import Outcome
from warmstart.report.charts.forest import ForestRow, forest
from warmstart.report.distilled import bar
from warmstart.report.figures import finding
from warmstart.report.numbers import count, moment, percent, signed
from warmstart.report.words import noun

MOST = 40
"""Classes of a table, those that changed most."""


def forgotten(outcome: Outcome) -> dict[str, Any] | None:
    """Bars, differences, classes and words; `None` where nothing was gone on from."""
    found = outcome.forgotten
    if found is None:
        return None
    changes = {"new": found.new} | ({"old": found.old} if found.old is not None else {})
    what = noun(outcome)
    bars = [one for name, change in changes.items() for one in _bars(name, change, found.metric, what)]
    rows = [
        ForestRow(f"after against before, {name}", change.difference.difference, finding(change.difference))
        for name, change in changes.items()
    ]
    groups = {f"Classes of the old {what}": found.old_classes, f"Classes of the new {what}": found.new_classes}
    return {
        "lead": _lead(found, what),
        "bars": bars,
        "differences": forest(rows, rope=ROPE, unit=f"points of {metric_name(found.metric)}"),
        "classes": [{"title": title, "rows": _classes(some)} for title, some in groups.items() if some],
        "note": _note(found),
    }


def _bars(name: str, change: Change, metric: str, what: str) -> list[dict[str, Any]]:
    where = f"{count(change.samples)} {name} {what}"
    return [
        bar(f"{name}, before", change.before, f"the bundle as it was, on {where}", "baseline", metric),
        bar(f"{name}, after", change.after, f"what you get, on the same {where}", "chosen", metric),
    ]


def _classes(changes: Sequence[ClassChange]) -> list[dict[str, Any]]:
    order = sorted(changes, key=lambda one: one.after - one.before)
    if len(order) > MOST:
        order = order[: MOST // 2] + order[-MOST // 2 :]
    return [
        {
            "name": one.name,
            "added": not one.known,
            "samples": count(one.samples),
            "before": percent(one.before),
            "before_share": f"{one.before:.3f}",
            "after": percent(one.after),
            "after_share": f"{one.after:.3f}",
            "difference": f"{signed(one.difference.value)} ({signed(one.difference.low)} to "
            f"{signed(one.difference.high)})",
        }
        for one in order
    ]


def _lead(found: Forgotten, what: str) -> str:
    if found.old is None:
        return (
            f"There are no old {what} to measure on, so that what was forgotten is not known. With --rehearsal old "
            f"{what} are learned from again, and a part of them measured on; with --old they are measured on alone."
        )
    return (
        f"The bundle as it was and the network that you get answer the same {what}, which neither has learned from. "
        "Right of the line is gained, left of it forgotten; an interval that crosses the line leaves it open."
    )


def _note(found: Forgotten) -> str:
    begun = f"Gone on from the bundle of {found.data}, made {moment(found.created)}."
    ways = []
    if found.rehearsed:
        ways.append(f"{percent(found.rehearsal, 0)} of each batch were of {count(found.rehearsed)} old samples")
    if found.l2_sp:
        ways.append(f"weights were pulled towards what they were (L2-SP, {found.l2_sp:g})")
    held = f"To keep what was known, {' and '.join(ways)}." if ways else "Nothing held it to what was known before."
    drift = ""
    if found.drift is not None:
        drift = f" The features moved by {found.drift:.3f} (1 less their CKA before and after; 0 is no change)."
    chance = ""
    if found.old is not None:
        chance = (
            " Where the bundle has learned from old samples that were held out here, it looks too good before: "
            "with the data, the seed and the shares of its own run they are its test part."
        )
    return f"{begun} {held}{drift}{chance}"
