"""What a student comes to, in words: what it kept, what it saves, and whether it needed its teacher."""

from __future__ import annotations

from warmstart.evaluation.distilled import Distilled
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.verdict import percent, points

ABOUT = 0.1
"""A ratio this close to one is no difference worth a word."""


def verdict(found: Distilled, on: str) -> str:
    """What was kept, what it saves, and whether the teacher was needed. `on` is what was measured on."""
    return " ".join(part for part in (_kept(found, on), _saved(found), _needed(found)) if part)


def _kept(found: Distilled, on: str) -> str:
    agreed = f"{percent(found.agreement.value)} of {on} are answered as by the teacher"
    if found.kept is None or found.teacher_reached is None or found.student_reached is None:
        return f"{agreed}; no label says how many of the answers are right."
    what, d = metric_name(found.metric), found.kept.difference
    begun = f"{what[:1].upper()}{what[1:]} is {percent(found.student_reached.value)} on {on}."
    teachers = f"The teacher's is {percent(found.teacher_reached.value)}"
    if found.kept.verdict == "worse":
        return f"{begun} {teachers}, of which the student loses: {points(d)}."
    if found.kept.verdict == "better":
        return f"{begun} {teachers}, and the student is better: {points(d)}."
    return f"{begun} {teachers}, and the difference may be chance: {points(d)}."


def _saved(found: Distilled) -> str:
    smaller = found.teacher.parameters / max(1, found.student.parameters)
    shown = not found.faster.low <= 1 <= found.faster.high
    faster = found.faster.value if shown else 1.0
    size = f"has {than(smaller, 'fewer parameters', 'more parameters', 'as many parameters as its teacher')}"
    time = f"is {than(faster, 'faster for one input', 'slower for one input', 'as fast for one input')}"
    if not shown and not 1 / (1 + ABOUT) < found.faster.value < 1 + ABOUT:
        time = "is not shown to be faster or slower for one input"
    begun = "It saves nothing: the student" if max(smaller, faster) < 1 + ABOUT else "The student"
    return f"{begun} {size} and {time}."


def _needed(found: Distilled) -> str:
    if found.gained is None:
        return found.why_not_alone
    d, other = found.gained.difference, "the same backbone without a teacher"
    if found.gained.verdict == "better":
        return f"The teacher helped: {points(d)} against {other}."
    if found.gained.verdict == "worse":
        return f"The teacher did harm: {points(d)} against {other}."
    return f"{other[:1].upper()}{other[1:]} was as good, as far as this data can show: {points(d)} against it."


def than(ratio: float, better: str, worse: str, equal: str) -> str:
    """A ratio in words.

    >>> than(3.04, "smaller", "larger", "as large"), than(0.25, "smaller", "larger", "as large")
    ('3.0 times smaller', '4.0 times larger')
    >>> than(1.02, "smaller", "larger", "as large")
    'about as large'
    """
    if 1 / (1 + ABOUT) < ratio < 1 + ABOUT:
        return f"about {equal}"
    return f"{ratio:.1f} times {better}" if ratio > 1 else f"{1 / max(ratio, 1e-12):.1f} times {worse}"
