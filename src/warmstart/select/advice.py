"""Which method, and why: from what was measured, and where nothing was, from labels per class and the probe."""

from __future__ import annotations

from collections.abc import Sequence

from warmstart.evaluation.compare import NO_DIFFERENCE
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.outcome import Difference
from warmstart.evaluation.recommendation import Ranked, Tuned
from warmstart.evaluation.verdict import percent, points

FEW_PER_CLASS = 10
"""Training samples per class below which a tune is a coin's toss: with EfficientNet-Lite0 and ten per class LP-FT was
better than the probe in 7 of 11 draws, with thirty it was the better one (see `warmstart.engine.ladder.gate`)."""
SOLVED = 0.99
"""Accuracy of the probe from which on there is next to nothing left for a tune to gain."""


def expected_method(per_class: float | None, probe: Interval) -> tuple[str, str]:
    """The method that is expected to be best, and why, where there was no time to try any.

    `per_class` are training samples; `None` of forecasts.

    >>> expected_method(5, Interval(0.8, 0.7, 0.9))
    ('probe', 'with 5 training samples per class a tune is as likely to lose as to gain')
    >>> expected_method(80, Interval(0.8, 0.7, 0.9))[0], expected_method(80, Interval(0.995, 0.99, 1.0))[0]
    ('lp_ft', 'probe')
    """
    if per_class is None:
        return "probe", "no tune is expected to better it unless that was measured"
    if probe.value >= SOLVED:
        return "probe", f"frozen features are right in {percent(probe.value)}, which leaves a tune little to gain"
    if per_class < FEW_PER_CLASS:
        return "probe", f"with {per_class:.0f} training samples per class a tune is as likely to lose as to gain"
    what = f"with {per_class:.0f} training samples per class and {percent(probe.value)} on frozen features"
    return "lp_ft", f"{what} a tune that starts from the probe usually gains"


def why(
    best: Ranked, others: Sequence[Ranked], tuned: Sequence[Tuned], pair: Difference | None, per_class: float | None
) -> str:
    """Two sentences: why this backbone, and why this method; `per_class` are training samples, `None` of forecasts."""
    return f"{_backbone(best, others, pair, forecast=per_class is None)} {_method(best, tuned, per_class)}"


def _backbone(best: Ranked, others: Sequence[Ranked], pair: Difference | None, *, forecast: bool) -> str:
    probed = best.rounds[-1]
    worth = f"get {percent(probed.best.value)} of {probed.samples} left-out training samples right"
    if forecast:
        worth = f"have a skill of {percent(probed.best.value)} on later stretches of {probed.samples} training windows"
    if not others:
        return f"{best.backbone} is the only backbone that was looked at: its frozen features {worth}."
    rival = others[0]
    if pair is None:
        return f"{best.backbone} leads {len(others) + 1} backbones: its frozen features {worth}."
    if pair.verdict == NO_DIFFERENCE:
        cost = best.seconds_per_sample / rival.seconds_per_sample
        pace = f"takes {cost:.1f} times as long per sample" if cost >= 1 else f"is {1 / cost:.1f} times as fast"
        apart = f"{rival.backbone}, which validation cannot tell from it, {points(pair.difference)}"
        return f"{best.backbone} is a little ahead of {apart}, and it {pace}."
    return (
        f"{best.backbone} is better than {rival.backbone}, the next best, by {points(pair.difference)} on validation."
    )


def _method(best: Ranked, tuned: Sequence[Tuned], per_class: float | None) -> str:
    mine = next((one for one in tuned if one.backbone == best.backbone), None)
    if mine is None:
        method, reason = expected_method(per_class, best.rounds[-1].best)
        return f"{method} was not measured, for want of time, and is expected to be best: {reason}."
    labels = "on windows of a later time" if per_class is None else f"with {per_class:.0f} training samples per class"
    if mine.gain is not None:
        said = "" if mine.gain.verdict == "better" else f", which is {NO_DIFFERENCE}"
        return f"{mine.method} brought {points(mine.gain.difference)} over the probe on validation, {labels}{said}."
    tried = [rung.name for rung in mine.rungs if rung.name != "probe" and not rung.skipped]
    if tried:
        return f"The probe is enough: {' and '.join(tried)} brought nothing more on validation, {labels}."
    return f"The probe is all that there was time for, {labels}."
