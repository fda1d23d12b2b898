"""What a comparison comes to, in a few sentences: who is best, whether transfer helped, whether tuning paid."""

from __future__ import annotations

from collections.abc import Sequence

from warmstart.evaluation.comparison import Entry, Gain
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.units import Independent
from warmstart.evaluation.verdict import percent, points


def judgement(
    entries: Sequence[Entry], best: str | None, metric: str, samples: int, independent: Independent | None = None
) -> str:
    """Three or four sentences about the entries of a `Comparison`; `samples` were held out, of `independent` units."""
    by_name = {entry.name: entry for entry in entries}
    if best is None:
        return "No contender has a finished trial, so there is nothing to compare: " + _why_not(entries)
    first = by_name[best]
    held, of = f"{samples} held-out samples", "samples"
    if independent is not None:
        held, of = f"{held} of {independent.units} independent {independent.unit}", independent.of
    parts = [
        _headline(first, metric, held, entries),
        _transfer(entries, metric, of),
        _tuning(entries, metric, of),
        _hurting(entries),
    ]
    return " ".join(part for part in parts if part)


def _why_not(entries: Sequence[Entry]) -> str:
    return "; ".join(f"{entry.name}: {entry.failed or 'not run'}" for entry in entries) + "."


def _headline(first: Entry, metric: str, held: str, entries: Sequence[Entry]) -> str:
    interval = first.metrics[metric]
    span = f"95 % interval {percent(interval.low)} to {percent(interval.high)}"
    reached = f"{percent(interval.value)} {'of' if metric == 'accuracy' else 'on'} {held} ({span})"
    best = f"{first.name} has the best {metric_name(metric)}, {reached}"
    others = [entry for entry in entries if entry.over_best is not None]
    if not others:
        return f"{best}."
    close = [entry.name for entry in others if entry.over_best is not None and entry.over_best.finding != "worse"]
    if not close:
        return f"{best}, and is better than each of the others."
    if len(close) == len(others):
        return f"{best}, but this data cannot show that it is better than any of the others."
    return f"{best}; that it is better than {_listed(close)} is not shown by this data."


def _transfer(entries: Sequence[Entry], metric: str, of: str) -> str:
    """The best that transfers, over the best that does not."""
    tried = [entry for entry in entries if entry.over_scratch is not None]
    if not tried:
        return ""
    most = max(tried, key=lambda entry: entry.metrics[metric].value)
    gain = most.over_scratch
    assert gain is not None
    by = f"{most.name} against {gain.than}: {points(gain.interval)}"
    match gain.finding:
        case "better":
            return f"Transfer helped ({by})."
        case "worse":
            return f"Transfer hurt here ({by}): another backbone is needed, or none."
        case "as good":
            return f"Transfer made no difference that matters ({by})."
    return f"Whether transfer helped cannot be told ({by}){_more(gain, of)}."


def _tuning(entries: Sequence[Entry], metric: str, of: str) -> str:
    """The best that was tuned, over the frozen probe."""
    tried = [entry for entry in entries if entry.role == "tuned" and entry.over_frozen is not None]
    if not tried:
        return ""
    most = max(tried, key=lambda entry: entry.metrics[metric].value)
    gain = most.over_frozen
    assert gain is not None
    by = f"{most.name} against {gain.than}: {points(gain.interval)}"
    match gain.finding:
        case "better":
            return f"Tuning paid ({by})."
        case "worse":
            return f"The frozen features were better than any tune ({by})."
        case "as good":
            return f"The frozen features were as good as any tune ({by})."
    return f"The frozen features were as good as far as this data can show ({by}){_more(gain, of)}."


def _more(gain: Gain, of: str) -> str:
    return f"; about {gain.needed} {of} would settle a difference of that size" if gain.needed else ""


def _hurting(entries: Sequence[Entry]) -> str:
    hurt = [entry for entry in entries if entry.hurts]
    if not hurt or all(entry.hurts for entry in entries if entry.over_scratch is not None):
        return ""
    than = hurt[0].over_scratch
    assert than is not None
    return f"Negative transfer: {_listed([entry.name for entry in hurt])} did worse than {than.than}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
