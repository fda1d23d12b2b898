"""What a student comes to, in words: what it kept, what it saves, and whether it needed its teacher."""

from __future__ import annotations

from warmstart.evaluation.distilled import Distilled
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.verdict import percent, points


def verdict(found: Distilled, on: str) -> str:
    """What was kept, what it saves, and whether the teacher was needed. `on` is what was measured on."""
    return " ".join(part for part in (_kept(found, on), _saved(found), _needed(found)) if part)


def _kept(found: Distilled, on: str) -> str:
    agreed = f"{percent(found.agreement.value)} of {on} are answered as by the teacher"
    if found.kept is None or found.teacher_reached is None or found.student_reached is None:
        return f"{agreed}; no label says how many of the answers are right."
    what, d = metric_name(found.metric), found.kept.difference
    begun = f"{what[:1].upper()}{what[1:]} is {percent(found.student_reached.value)} on {on}, and"
    teachers = f"{percent(found.teacher_reached.value)} of the teacher"
    if found.kept.verdict == "worse":
        return f"{begun} {teachers}: {points(d)}."
    if found.kept.verdict == "better":
        return f"{begun} {teachers}: the student is better, {points(d)}."
    return f"{begun} {teachers}; the difference may be chance: {points(d)}."


def _saved(found: Distilled) -> str:
    teacher, student = found.teacher, found.student
    smaller = teacher.parameters / max(1, student.parameters)
    size = f"has {times(smaller)} {'fewer' if smaller >= 1 else 'more'} parameters"
    faster = found.faster.value
    time = f"is {times(faster)} {'faster' if faster >= 1 else 'slower'} for one input"
    if smaller < 1 and faster < 1:
        return f"It saves nothing: the student {size} and {time}."
    return f"The student {size} and {time}."


def _needed(found: Distilled) -> str:
    if found.gained is None:
        return found.why_not_alone
    d, other = found.gained.difference, "the same backbone without a teacher"
    if found.gained.verdict == "better":
        return f"The teacher helped: {points(d)} against {other}."
    if found.gained.verdict == "worse":
        return f"The teacher did harm: {points(d)} against {other}."
    return f"{other[:1].upper()}{other[1:]} was as good, as far as this data can show: {points(d)} against it."


def times(ratio: float) -> str:
    """A ratio or its inverse, whichever is above one.

    >>> times(3.04), times(0.25)
    ('3.0 times', '4.0 times')
    """
    return f"{max(ratio, 1 / max(ratio, 1e-12)):.1f} times"
