"""What an update comes to, in words: what was gained on the new data, and what was forgotten of the old."""

from __future__ import annotations

from warmstart.evaluation.forgotten import Change, Forgotten
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.verdict import percent, points


def verdict(found: Forgotten, noun: str) -> str:
    """Two sentences; `noun` is what samples are called."""
    return f"{_gained(found, noun)} {_forgot(found, noun)}"


def _gained(found: Forgotten, noun: str) -> str:
    change, what = found.new, metric_name(found.metric)
    begun = f"On {change.samples} new {noun} {what} is {_both(change)}"
    if found.added:
        first = ", ".join(found.added[:3]) + (", ..." if len(found.added) > 3 else "")
        begun += f" ({len(found.added)} of the classes were not known: {first})"
    if change.difference.verdict == "better":
        return f"{begun}: {points(change.difference.difference)}."
    if change.difference.verdict == "worse":
        return f"{begun}: the update did harm, {points(change.difference.difference)}."
    return f"{begun}; this data cannot show a gain: {points(change.difference.difference)}."


def _forgot(found: Forgotten, noun: str) -> str:
    if found.old is None:
        return (
            "What was forgotten is not known, as there are no old data to measure it on: give some with --rehearsal, "
            "which are learned from again, or with --old."
        )
    change, what = found.old, metric_name(found.metric)
    begun = f"on {change.samples} old {noun} {what} is {_both(change)}"
    if change.difference.verdict == "worse":
        return f"It forgot: {begun}, {points(change.difference.difference)}."
    if change.difference.verdict == "better":
        return f"It forgot nothing and got better at it: {begun}, {points(change.difference.difference)}."
    if change.difference.difference.value < 0:
        return f"This data cannot tell whether it forgot: {begun}, {points(change.difference.difference)}."
    return f"Nothing shows that it forgot: {begun}, {points(change.difference.difference)}."


def _both(change: Change) -> str:
    return f"{percent(change.after.value)}, and was {percent(change.before.value)}"
