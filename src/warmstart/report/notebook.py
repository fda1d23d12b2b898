"""What a notebook shows of a finished run: what its page says first, and where everything lies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from warmstart.display import Table, piece
from warmstart.evaluation.adaptation import Adaptation
from warmstart.evaluation.comparison import Comparison, Gain
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.outcome import Outcome
from warmstart.evaluation.recommendation import Recommendation
from warmstart.evaluation.similarity import SimilarityOutcome
from warmstart.report import numbers, words


def of_fit(outcome: Outcome, **places: Path) -> str:
    """The key number, the verdict, and what was tried."""
    metric = metric_name(outcome.metric)
    rows = [
        (
            rung.name,
            numbers.value(outcome.metric, rung.val.get(outcome.metric)) if rung.val else "",
            measured(outcome.metric, rung.test),
            "" if rung.skipped else numbers.duration(rung.seconds),
            rung.why,
        )
        for rung in outcome.rungs
    ]
    heads = ("tried", f"{metric}, validation", f"{metric}, {words.part(outcome)} (95 %)", "time", "why")
    return piece(
        words.headline(outcome) or outcome.data,
        lead=words.verdict(outcome),
        tables=[Table(heads, rows, _at([rung.name for rung in outcome.rungs], outcome.chosen))],
        facts={"chosen": outcome.chosen, **places},
    )


def of_comparison(found: Comparison, **places: Path) -> str:
    """The verdict and the contenders."""
    rows = [
        (
            one.name,
            measured(found.metric, one.metrics.get(found.metric)),
            _gain(one.over_scratch),
            _gain(one.over_frozen),
            numbers.duration(one.seconds),
            one.failed,
        )
        for one in found.entries
    ]
    heads = ("method", f"{metric_name(found.metric)} (95 %)", "over no transfer", "over frozen", "time", "")
    return piece(
        f"{found.data}: {len(found.entries)} methods on the same {found.folds} folds",
        lead=found.verdict,
        tables=[Table(heads, rows, _at([one.name for one in found.entries], found.best))],
        facts=dict(places),
    )


def of_adaptation(found: Adaptation, **places: Path) -> str:
    """Whether there is a shift, the verdict, and the methods."""
    titles = [choice.title for choice in found.choices]
    rows = [
        (
            one.name,
            measured(found.metric, one.val),
            measured(found.metric, one.target),
            *(f"{one.criteria[c.name]:.4g}" if c.name in one.criteria else "" for c in found.choices),
            one.skipped,
        )
        for one in found.tried
    ]
    metric = metric_name(found.metric)
    heads = ("method", f"{metric}, source (95 %)", f"{metric}, target (95 %)", *titles, "")
    return piece(
        f"{found.source} to {found.target.name}",
        lead=f"{found.shift_words} {found.verdict}",
        tables=[Table(heads, rows, _at([one.name for one in found.tried], found.chosen))],
        facts=dict(places),
    )


def of_similarity(found: SimilarityOutcome, **places: Path) -> str:
    """The verdict and the measures; those that the samples do not support say why."""
    rows = [
        (one.title, _span(one.interval), "" if one.halves is None else f"{one.halves:.3g}", _span(one.baseline),
         one.reading or one.refused)
        for one in found.found.measures
    ]  # fmt: skip
    return piece(
        f"{found.a.name} and {found.b.name}",
        lead=found.found.verdict,
        tables=[Table(("measure", "A to B (95 %)", "halves of A to B", "two halves of A (95 %)", "reading"), rows)],
        facts=dict(places),
    )


def of_recommendation(found: Recommendation, **places: Path) -> str:
    """The recommendation and the candidates."""
    rows = [
        (
            one.backbone,
            f"{one.prior:.1f}" if one.prior else "",
            _span(one.rounds[-1].best),
            f"{1000 * one.seconds_per_sample:.3g} ms",
            one.licence,
        )
        for one in found.candidates
    ]
    heads = ("backbone", "prior", "better head (95 %)", f"for one {found.kind}", "licence")
    return piece(
        f"{found.backbone} with {found.method}",
        lead=found.why,
        tables=[Table(heads, rows, _at([one.backbone for one in found.candidates], found.backbone))],
        facts={**places, "go on": found.next_command},
    )


def measured(metric: str, interval: Interval | None) -> str:
    """A value with its interval; empty where it was not measured."""
    return "" if interval is None else f"{numbers.value(metric, interval.value)} ({numbers.span(metric, interval)})"


def _span(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.value:.3g} ({interval.low:.3g} to {interval.high:.3g})"


def _gain(gain: Gain | None) -> str:
    if gain is None:
        return ""
    ends = f"{numbers.signed(gain.interval.low)} to {numbers.signed(gain.interval.high)}"
    return f"{numbers.signed(gain.interval.value)} ({ends}), {gain.finding}"


def _at(names: Sequence[str], name: str) -> frozenset[int]:
    return frozenset(i for i, one in enumerate(names) if one == name)
