"""The section on sets of classes and unknown inputs: what it says, and when it is not there."""

from __future__ import annotations

import dataclasses

from warmstart.evaluation.outcome import Outcome
from warmstart.report.card import model_card
from warmstart.report.doubt import doubt
from warmstart.report.html import report_html


def plain(text: str) -> str:
    return text.replace("\u202f", " ").replace("&#8239;", " ")


def test_each_coverage_is_shown_beside_what_was_reached(outcome: Outcome) -> None:
    found = doubt(outcome)
    assert found is not None
    assert [(plain(row["asked"]), plain(row["reached"])) for row in found["sets"]] == [
        ("80 %", "87.3 %"),
        ("90 %", "89.4 %"),
    ]
    assert plain(found["lacking"]) == "There are 200 validation images: 95 % takes 19 of them at least."
    page = plain(report_html(outcome))
    assert "89.4 %" in page
    assert "88.0–90.7" in page


def test_false_alarms_are_said_and_the_card_tells_of_unknowns(outcome: Outcome) -> None:
    page = plain(report_html(outcome))
    assert "Of 500 test images, all of known classes, 4.6 % (95 % interval 2.9–6.6) were called so" in page
    assert "`unknown` in an answer tells" in model_card(outcome)


def test_what_was_not_measured_is_not_spoken_of(outcome: Outcome) -> None:
    without = dataclasses.replace(outcome, coverages=(), unknowns=None)
    assert doubt(without) is None
    assert 'id="unknowns"' not in report_html(without)
    assert "unknown` in an answer" not in model_card(without)
    half = report_html(dataclasses.replace(outcome, unknowns=None))
    assert "Like nothing it has seen" not in half
    assert "Several answers" in half
