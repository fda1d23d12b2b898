"""What is said of a student's time is what was shown."""

from __future__ import annotations

import pytest

from warmstart.evaluation.distilled import Distilled, Model
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.student import verdict


@pytest.mark.parametrize(
    ("faster", "said"),
    [
        (Interval(1.3, 0.8, 2.1), "is not shown to be faster or slower for one input"),
        (Interval(1.3, 1.2, 1.4), "is 1.3 times faster for one input"),
        (Interval(1.02, 0.99, 1.05), "is about as fast for one input"),
    ],
)
def test_a_student_is_called_faster_where_the_interval_shows_it(faster: Interval, said: str) -> None:
    model = Model("toy", 1, 100, 0.1, 2.0)
    found = Distilled(
        model, model, "accuracy", Interval(0.9, 0.8, 1.0), None, None, None, None, None, faster, 0, 20, 4.0, 1.0, 1
    )
    text = verdict(found, "20 test images")
    assert said in text
    assert text.count("It saves nothing") == ("1.3 times" not in text)
