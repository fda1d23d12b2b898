"""Parts of a `recommend` that a whole one does not show: who is tuned, how long, and what cannot be measured."""

from __future__ import annotations

import pytest

from tests.api.conftest import SPEED
from tests.select.test_halving import digits_data
from warmstart.api.recommending.candidates import Wanted, named
from warmstart.api.recommending.choosing import ranked, worth_tuning
from warmstart.api.recommending.finalists import finalist
from warmstart.api.recommending.transferable import measured, with_transferability
from warmstart.engine.events import Decided, Event, silent
from warmstart.engine.ladder.rungs import RecipeRung
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.recommendation import Ranked
from warmstart.model.catalog import load_backbone
from warmstart.select.halving import Halving, Round, Score, halve
from warmstart.select.transferability import metrics
from warmstart.select.view import View

WANTED = Wanted(None, 0, None, False, None)
TOYS = ("toy", "toy?taps=1", "toy?pretrained=false")


def view(uri: str, train: int) -> View:
    found = View(uri, load_backbone(uri), digits_data(train, size=32), 32)
    found.speed = SPEED
    return found


def rows(train: int) -> tuple[list[Ranked], dict[str, View]]:
    views = {uri: view(uri, train) for uri in TOYS}
    halving = halve(list(views.values()))
    return [ranked(one, views[one.uri].seen(), halving) for one in named(TOYS, WANTED).candidates], views


def told(ridge: dict[str, Interval], *dropped: str) -> Halving:
    scores = tuple(Score(uri, "ridge", interval, 1.0, 32) for uri, interval in ridge.items())
    return Halving((Round(100, scores, len(scores), 0.0),), (*ridge, *dropped))


def test_the_next_best_is_tuned_too_unless_it_is_surely_worse() -> None:
    best, near, far = Interval(0.9, 0.85, 0.95), Interval(0.8, 0.7, 0.9), Interval(0.5, 0.4, 0.6)
    assert worth_tuning(told({"a": best, "b": near, "c": far})) == ["a", "b"]
    assert worth_tuning(told({"a": best, "b": far})) == ["a"]
    assert worth_tuning(told({"a": best}, "b")) == ["a", "b"], "one that was dropped on fewer samples is not surely so"


def test_a_probe_that_takes_more_than_its_share_is_all_that_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = list[Event]()
    monkeypatch.setattr(RecipeRung, "seconds", lambda self, context: 50.0 if self.name == "probe" else 1e9)
    found = finalist(view("toy", 40), 10.0, 100.0, seed=0, listener=silent)
    assert found is not None
    assert found.tuned.method == "probe"
    assert finalist(view("toy", 40), 10.0, 20.0, seed=0, listener=heard.append) is None
    assert any("its probe needs about 50 s" in event.text for event in heard if isinstance(event, Decided))


def test_what_the_time_does_not_suffice_for_has_no_value_and_no_agreement() -> None:
    candidates, _ = rows(40)
    lost = {candidates[0].backbone: "each worker died"}
    found, agreement = with_transferability(candidates, {}, lost, "no time")
    assert agreement == {}
    assert all(not one.transferability and set(one.unavailable) == set(metrics) for one in found)
    assert [set(one.unavailable.values()) for one in found] == [{"each worker died"}, {"no time"}, {"no time"}]


def test_data_that_no_measure_can_be_had_of_are_told() -> None:
    candidates, views = rows(10)  # one digit of each class
    every = {one.backbone: measured(one, views[one.backbone], None, 0) for one in candidates}
    found, agreement = with_transferability(candidates, every, {}, "")
    assert agreement == {}
    assert all("10 of 10 classes have one sample only" in one.unavailable["logme"] for one in found)
