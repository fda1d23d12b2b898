"""Gains over the references, as drawings, rows and sentences; and why there is none where there is none."""

from __future__ import annotations

from typing import Any, Literal

from warmstart.evaluation.comparison import Comparison, Entry, Gain
from warmstart.report import numbers
from warmstart.report.charts.bars import stacked_bar
from warmstart.report.charts.forest import ForestRow, forest
from warmstart.report.words import FAR, noun

Row = dict[str, Any]
Over = Literal["no transfer", "frozen"]
"""What a gain is over: the best contender without transfer, or the best frozen one on the same backbone."""
TONES = {"better": "better", "worse": "worse", "as good": "equal", "no difference that this data can show": "open"}
CHANCES = (("worse", "worse"), ("equal", "about equal"), ("better", "better"))


def gain_of(entry: Entry, over: Over) -> Gain | None:
    """The gain of an entry over one of the two references."""
    return entry.over_scratch if over == "no transfer" else entry.over_frozen


def points(gain: Gain) -> str:
    """The difference with its interval, in percentage points: "+2.1 points (95 % interval +0.4 to +3.8)"."""
    found, sign = gain.interval, numbers.signed
    return f"{sign(found.value)} points (95{numbers.THIN}% interval {sign(found.low)} to {sign(found.high)})"


def missing(entry: Entry, over: Over, comparison: Comparison) -> str:
    """Why an entry has no gain over a reference, in a few words."""
    if not entry.metrics:
        return "no result"
    if any(gain.than == entry.name for other in comparison.entries if (gain := gain_of(other, over))):
        return "the reference"
    if entry.role == "no transfer":
        return "no transfer itself"
    return "nothing to compare with"


def sentence(entry: Entry, gain: Gain, comparison: Comparison) -> str:
    """One gain in a sentence, with what it would take to settle it where it is open."""
    size = points(gain)
    if gain.finding in ("better", "worse"):
        return f"{entry.name} is {gain.finding} than {gain.than}: {size}."
    if gain.finding == "as good":
        return f"{entry.name} is as good as {gain.than} in practice: {size}, all within ±{_wide(gain)}."
    return f"{entry.name} against {gain.than}: {gain.finding}, {size}. {_needed(gain, comparison)}".strip()


def _needed(gain: Gain, comparison: Comparison) -> str:
    if gain.needed is None:
        return ""
    what, samples = noun(comparison), comparison.samples
    if comparison.independent is not None:
        what, samples = f"independent {comparison.independent.of}", comparison.independent.units
    if gain.needed > FAR * samples:
        return f"Even {FAR} times as many {what} would probably not tell them apart."
    here = numbers.count(samples)
    return f"If it is real, about {numbers.about(gain.needed)} {what} would be needed to show it; there are {here}."


def _wide(gain: Gain) -> str:
    return f"{100 * gain.rope:.3g} {'point' if gain.rope == 0.01 else 'points'}"


def view(comparison: Comparison, over: Over) -> Row | None:
    """Forest plot, rows and sentences of all gains over a reference; `None` without any."""
    found = [(entry, gain) for entry in comparison.entries if (gain := gain_of(entry, over))]
    if not found:
        return None
    several = len({gain.than for _, gain in found}) > 1
    lines = [
        ForestRow(f"{e.name} against {g.than}" if several else e.name, g.interval, TONES[g.finding]) for e, g in found
    ]
    widest = max((gain for _, gain in found), key=lambda gain: gain.rope)
    return {
        "than": list(dict.fromkeys(gain.than for _, gain in found)),
        "forest": forest(lines, rope=widest.rope),
        "rope": _wide(widest),
        "rows": [
            {
                "name": entry.name,
                "tone": TONES[gain.finding],
                "text": sentence(entry, gain, comparison),
                "p": None if gain.p is None else numbers.p_value(gain.p),
                "chances": _chances(entry, gain),
            }
            for entry, gain in found
        ],
    }


def _chances(entry: Entry, gain: Gain) -> Row | None:
    """The Bayesian probabilities as a bar and in words; `None` where there are too few folds for them."""
    shares = [(key, word, getattr(gain, key)) for key, word in CHANCES]
    if any(share is None for *_, share in shares):
        return None
    text = ", ".join(f"{word} {numbers.probable(share)}" for _, word, share in shares)
    bar = stacked_bar(f"{entry.name} against {gain.than}: {text}", [(key, share) for key, _, share in shares], 1.0)
    return {"bar": bar, "text": text}
