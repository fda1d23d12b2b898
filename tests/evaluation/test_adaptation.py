"""What an adaptation comes to, in words."""

from __future__ import annotations

import pytest

from warmstart.evaluation.adaptation import Tried, verdict_of_adaptation
from warmstart.evaluation.compare import difference
from warmstart.evaluation.interval import Interval

RIGHT = Interval(0.6, 0.5, 0.7)


def tried(right: int, *, adapts: bool = True) -> Tried:
    """A method that is right about so many of a hundred, beside 50 of `source_only`, of which those are the first."""
    gain = difference("mcc", [1] * right + [0] * (100 - right), "source_only", [1] * 50 + [0] * 50)
    return Tried("mcc", "", adapts=adapts, target=RIGHT, gain=gain)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (tried(80), "Adaptation helped: 60.0 % of its answers there are right, +30.0 points"),
        (tried(20), "Adaptation hurt here"),
        (tried(51), "This data cannot show that adaptation helped"),
        (tried(80, adapts=False), "It does not adapt, and 60.0 % of its answers there are right, +30.0 points"),
        (Tried("source_only", "", target=RIGHT), "It does not adapt, and 60.0 % of its answers there are right."),
    ],
)
def test_whether_adapting_helped_is_said_as_far_as_the_data_shows_it(one: Tried, words: str) -> None:
    said = verdict_of_adaptation(one, "DEV", one, None)
    assert words in said
    assert said.endswith("Labels of the target would have chosen the same.")


def test_what_choosing_without_labels_cost_is_said() -> None:
    gap = difference("mcc", [1] * 40 + [0] * 60, "adabn", [1] * 70 + [0] * 30)
    said = verdict_of_adaptation(tried(40), "DEV", Tried("adabn", "", target=Interval(0.7, 0.6, 0.8)), gap)
    assert "would have chosen adabn, 70.0 %: -30.0 points" in said
