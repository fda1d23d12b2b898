"""What distillation kept and what it saves, as data."""

from __future__ import annotations

import dataclasses

from warmstart.evaluation.difference import Difference
from warmstart.evaluation.interval import Interval


@dataclasses.dataclass(frozen=True)
class Model:
    """One of the two: what it is, how large, and how long it takes for a sample alone, reading left out."""

    backbone: str
    networks: int
    parameters: int
    megabytes: float
    """Of the weights as they are stored, in 10^6 bytes."""
    milliseconds: float
    """For one sample, median."""


@dataclasses.dataclass(frozen=True)
class Distilled:
    """Teacher and student. `kept` and `gained` are of the student against the teacher, and against the same backbone
    and recipe without one, on the same samples; `None` where no label says who is right, or there was no time.
    """

    teacher: Model
    student: Model
    metric: str
    agreement: Interval
    """Share of the samples measured on whose answer is the teacher's; of numbers R2 with its answers for the truth."""
    teacher_reached: Interval | None
    student_reached: Interval | None
    alone_reached: Interval | None
    kept: Difference | None
    gained: Difference | None
    faster: Interval
    """How many times as long the teacher takes, both measured in turn on the same samples."""
    labelled: int
    unlabelled: int
    temperature: float
    share: float
    cores: int
    why_not_alone: str = ""
