"""What the facts say, in sentences; the reports and the model card share them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warmstart.evaluation.compare import more_samples
from warmstart.evaluation.comparison import Comparison
from warmstart.evaluation.measures import is_share, metric_name
from warmstart.evaluation.outcome import Difference, Outcome
from warmstart.preprocess.kinds import PLURAL
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.report.numbers import THIN, about, count, signed, span, value

Facts = Outcome | Comparison
"""What a page is drawn from. Facts of the same kind have the same name in both."""
FINAL = "the final model"
"""The model that is handed over, in comparisons: the chosen one, fitted again on all labels if time allowed."""
FAR = 10
"""Beyond this many times the data at hand, a number of samples to collect is no advice."""


def noun(facts: Facts) -> str:
    """What the samples are called."""
    return noun_of(*((facts.preprocess,) if isinstance(facts, Outcome) else facts.preprocess), task=facts.task)


def noun_of(*specs: Mapping[str, Any], task: str = "classify") -> str:
    """What inputs that are read as `specs` say are called; those of a forecast are parts of series.

    >>> noun_of({"kind": "text"})
    'texts'
    """
    if task == "forecast":
        return "windows"
    kinds = {spec.get("kind") for spec in specs}
    return PLURAL.get(kinds.pop(), "samples") if len(kinds) == 1 else "samples"  # type: ignore[arg-type]


def bands(spec: Mapping[str, Any]) -> str:
    """The bands that the network takes and what their values are divided by; empty for what is no image of bands."""
    if spec.get("kind") in ("text", "series"):
        return ""
    facts = PreprocessSpec.from_dict(dict(spec)) if spec else PreprocessSpec()
    if not facts.banded:
        return ""
    names = f" ({', '.join(facts.bands)})" if facts.bands else ", in the order of the files"
    unit = f", values over {facts.scale:g}" if facts.scale not in (None, 1) else ""
    return f"{facts.channels}{names}{unit}, each less its mean and over its standard deviation"


def reads(card: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """What the network takes of an input; empty if unknown.

    >>> reads({"pooling": "mean of all tokens"}, {"kind": "text", "size": 256})
    'up to 256 tokens, mean of all tokens'
    """
    if "size" not in spec:
        return ""
    if spec.get("kind") == "text":
        return ", ".join(filter(None, (f"up to {spec['size']} tokens", card.get("pooling"))))
    if spec.get("kind") == "series":
        return f"{spec['size']} steps of {count(spec['channels'])} channel{'s' * (spec['channels'] != 1)}"
    return f"{spec['size']} × {spec['size']} px, {spec.get('resize', '')}"


def reading(card: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """How a text becomes features, in sentences.

    >>> reading({}, {"kind": "text", "size": 256})
    "a text is cut into the backbone's own tokens; of a longer one the first 256 are read."
    """
    cut = f"a text is cut into the backbone's own tokens; of a longer one the first {spec['size']} are read."
    return f"{cut} Its features are {card['pooling']}." if card.get("pooling") else cut


def part(facts: Facts) -> str:
    """What the numbers were measured on, in one word."""
    if isinstance(facts, Comparison):
        return "held-out"
    return "test" if facts.evaluated_on == "test" else "validation"


def licence(card: Mapping[str, Any]) -> str:
    """The licence of the weights, and that it was accepted where it had to be.

    >>> licence({"licence": "cc-by-nc-4.0", "licence_accepted": True})
    'cc-by-nc-4.0 (restricts the use; accepted by whoever trained this)'
    """
    name = str(card.get("licence", "unknown"))
    return f"{name} (restricts the use; accepted by whoever trained this)" if card.get("licence_accepted") else name


def asks(facts: Facts) -> str:
    """How many classes, labels or numbers there are to answer; empty where the answer is a text."""
    one, many = {
        "classify": ("class", "classes"),
        "multilabel": ("label", "labels"),
        "regress": ("number", "numbers"),
        "tag": ("tag", "tags"),
        "generate": ("", ""),
        "forecast": ("step ahead", "steps ahead"),
        "anomaly": ("", ""),
        "detect": ("class", "classes"),
        "segment": ("class", "classes"),
        "several": ("task", "tasks"),
    }[facts.task]
    if facts.task == "several":
        return f"{len(facts.by_task)} {many}: {', '.join(part.name for part in facts.by_task)}" if facts.by_task else ""
    n = len({name.partition(" ")[0] for name in facts.classes}) if facts.task == "forecast" else len(facts.classes)
    return f"{n} {one if n == 1 else many}" if one else ""


def headline(outcome: Outcome) -> str:
    """The key number with its interval; empty if nothing was measured.

    "87.3 % accuracy on 2000 test images (95 % interval 85.8–88.7)"
    """
    interval = outcome.test.get(outcome.metric)
    if interval is None:
        return ""
    measured = f"{value(outcome.metric, interval.value)} {metric_name(outcome.metric)}"
    where = f"{count(outcome.split[outcome.evaluated_on])} {part(outcome)} {noun(outcome)}{resting(outcome)}"
    return f"{measured} on {where} (95{THIN}% interval {span(outcome.metric, interval)})"


def resting(facts: Facts) -> str:
    """How many independent units figures rest on, to be put behind the number of samples; empty where it is that."""
    return "" if facts.independent is None else f"; independent units: {facts.independent.words}"


def verdict(outcome: Outcome) -> str:
    """The verdict without an opening sentence that only repeats the key number, which the page says in large type."""
    interval = outcome.test.get(outcome.metric)
    first, _, rest = outcome.verdict.partition(". ")
    repeats = interval is not None and is_share(outcome.metric) and f"{100 * interval.value:.1f}" in first
    return rest if repeats and rest else outcome.verdict


def comparison(pair: Difference, outcome: Outcome) -> str:
    """One paired difference as a sentence, with what it would take to settle it where it is open."""
    d = pair.difference
    one = FINAL.capitalize() if pair.better == "final" else pair.better
    other = FINAL if pair.than == "final" else pair.than
    size = f"{signed(d.value)} points (95{THIN}% interval {signed(d.low)} to {signed(d.high)})"
    if pair.verdict in ("better", "worse"):
        return f"{one} is {pair.verdict} than {other}: {size}."
    n, what = int(outcome.split[outcome.evaluated_on]), f"{part(outcome)} {noun(outcome)}"
    if outcome.independent is not None:
        n, what = outcome.independent.units, f"independent {outcome.independent.of}"
    more = more_samples(pair, n)
    need = f" If it is real, about {about(more)} more {what} would be needed to show it." if more else ""
    if more and more > FAR * n:
        need = f" Even {FAR} times as many {what} would probably not tell them apart."
    return f"{one} against {other}: {pair.verdict}, {size}.{need}"
