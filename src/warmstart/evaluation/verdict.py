"""What a comparison comes to, in words a person can act on. "The probe was as good" is one of the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from warmstart.evaluation.interval import Interval
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.outcome import Difference, Rung

BASELINES = {
    "scratch": "training from scratch",
    "pixels": "learning from raw pixels",
    "tfidf": "TF-IDF and a linear model",
    "words": "a linear model of the words themselves",
    "minirocket": "MiniRocket and ridge regression",
    "multirocket_hydra": "MultiRocket-Hydra and ridge regression",
    "steps": "a linear model of raw values",
    "nearest": "the answer to the most similar text",
    "naive": "the last value",
    "seasonal_naive": "the last season again",
    "theta": "the Theta method",
    "linear": "a linear model of the context",
}

FROZEN = {"probe": "the frozen probe", "head_only": "the head on the frozen backbone"}
"""Rungs that leave the backbone as it is, in words."""

RANDOM = "Nothing in this backbone was pretrained: what is called transfer here is what the network does untrained."
"""What is said beside a verdict where nothing was there to be transferred."""


def percent(value: float) -> str:
    """A share as a percentage with one decimal.

    >>> percent(0.8634)
    '86.3 %'
    """
    return f"{100 * value:.1f} %"


def points(interval: Interval) -> str:
    """A difference of shares in percentage points, with its interval.

    >>> points(Interval(0.021, 0.004, 0.038))
    '+2.1 points (95 % interval +0.4 to +3.8)'
    """
    return f"{100 * interval.value:+.1f} points (95 % interval {100 * interval.low:+.1f} to {100 * interval.high:+.1f})"


def verdict(
    final: Interval,
    on: str,
    chosen: str,
    rungs: Sequence[Rung],
    differences: Sequence[Difference],
    *,
    metric: str = "accuracy",
    backbone: str = "",
) -> str:
    """Two or three sentences: how good the model is, whether transfer helped, whether tuning did.

    Args:
        final: primary metric of the model that is shipped, with its interval.
        on: what it was measured on: "1000 test images".
        chosen: name of the rung that was chosen.
        rungs: all rungs.
        metric: name of the primary metric.
        backbone: name of the one that transfer was tried from.
        differences: paired differences on the same samples; those of "final" against the baseline that is best on
            validation and against the probe are used.
    """
    span = f"95 % interval {percent(final.low)} to {percent(final.high)}"
    if metric == "accuracy":
        first = f"{percent(final.value)} of {on} are right ({span})."
    else:
        first = f"{_begun(metric_name(metric))} is {percent(final.value)} on {on} ({span})."
    against = {d.than: d for d in differences if d.better == "final"}
    if any(r.name == chosen and r.role == "baseline" for r in rungs):
        return f"{first} {_instead(chosen, rungs, against, backbone)}".rstrip()
    baselines = [r for r in rungs if r.role == "baseline" and r.name in against]
    parts = [first]
    if baselines:
        best = max(baselines, key=lambda r: r.val.get(metric, 0.0)).name
        parts.append(transfer(against[best], BASELINES.get(best, best)))
    others = [r for r in rungs if r.role == "candidate" and r.name not in (*FROZEN, "final") and not r.skipped]
    frozen = next((name for name in FROZEN if name in against), "")
    parts.append(_tuning(chosen, against.get(frozen), FROZEN.get(frozen or chosen, ""), bool(others)))
    return " ".join(part for part in parts if part)


def _instead(chosen: str, rungs: Sequence[Rung], against: Mapping[str, Difference], backbone: str) -> str:
    """What is said of transfer where a baseline is shipped: the best that was kept counts, else the probe."""
    tried = [r.name for r in rungs if r.role == "candidate" and r.name in against]
    best = next((r.name for r in reversed(rungs) if r.name in tried and r.kept), tried[0] if tried else "")
    name = BASELINES.get(chosen, chosen)
    if not best:
        return f"What you get is {name}, which needs no transfer."
    what = "the frozen probe" if best == "probe" else best
    what = f"{points(against[best].difference)} against {what}{f' of {backbone}' if backbone else ''}"
    if against[best].verdict == "better":
        return f"Transfer did not help here: {name}, which needs none, was better and is what you get: {what}."
    if against[best].verdict == "worse":
        return f"What you get is {name}, which was better on validation; here transfer would have been: {what}."
    return f"This data cannot show that transfer helps: what you get is {name}, which needs none: {what}."


def transfer(against: Difference, baseline: str) -> str:
    """Whether transfer helped, by the difference against a baseline, which is named in words."""
    if against.verdict == "better":
        return f"Transfer helped: {points(against.difference)} against {baseline}."
    if against.verdict == "worse":
        return (
            f"Transfer hurt here: {points(against.difference)} against {baseline}; another backbone is needed, or none."
        )
    equal = ", which did no worse here" if against.difference.value <= 0 else ""
    return f"This data cannot show that transfer helped: {points(against.difference)} against {baseline}{equal}."


def _tuning(chosen: str, against: Difference | None, frozen: str, tried: bool) -> str:
    """Whether tuning the backbone paid; `frozen` is in words what it is compared with."""
    if chosen in FROZEN:
        which = "the probe" if chosen == "probe" else "that head"
        return f"Nothing that was tried beat {frozen} on validation, so {which} is what you get." if tried else ""
    if against is None:
        return ""
    if against.verdict == "better":
        return f"Tuning paid: {points(against.difference)} against {frozen}."
    if against.verdict == "worse":
        return f"Here {frozen} was better than what you get: {points(against.difference)}."
    return f"{_begun(frozen)} was as good as far as this data can show: {points(against.difference)} against it."


def _begun(words: str) -> str:
    return words[:1].upper() + words[1:]
