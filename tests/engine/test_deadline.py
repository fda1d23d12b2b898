"""Time that is over ends a phase at the next batch, with the best so far."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.engine.helpers import Told, identical, make_data, make_network, train
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Advanced, Event, Measured
from warmstart.engine.run import run_recipe
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import Phase
from warmstart.task.classify import CLASSIFY

PHASE = Phase(rates=(("*", 1e-3),), epochs=5, batch_size=8)  # three steps per epoch


class Clock(Deadline):
    """A deadline that passes when told to."""

    def __init__(self, left: float = 1e9) -> None:
        self.seconds = left

    def left(self) -> float:
        return self.seconds


class Watch(Told):
    """Makes a clock run out once so many batches are done."""

    def __init__(self, clock: Clock, batches: int) -> None:
        super().__init__()
        self.clock, self.batches = clock, batches

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, Advanced) and event.what.startswith("phase"):
            self.batches -= event.n
            if self.batches == 0:
                self.clock.seconds = 0.0


def test_it_stops_after_the_batch_and_evaluates_what_there_is() -> None:
    clock = Clock()
    watch = Watch(clock, 4)
    result = train(PHASE, make_network(), make_data(), listener=watch, deadline=clock)
    assert result.stopped == "deadline"
    assert [row.step for row in result.curve] == [3, 4]
    assert result.score is not None
    assert watch.decided("stopped by the deadline after 1 of 5 epochs")


def test_with_no_time_at_all_the_weights_stay_and_nothing_fails() -> None:
    network = make_network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    result = train(PHASE, network, make_data(), deadline=Deadline(0))
    assert result.stopped == "deadline"
    assert identical(before, result.best)
    assert result.curve == ()


def test_an_epoch_that_will_not_fit_is_not_begun() -> None:
    clock = Clock()
    told = Told()

    def listen(event: Event) -> None:
        told(event)
        if isinstance(event, Measured):
            clock.seconds = 1e-4  # less than any epoch takes, and not yet over

    result = train(PHASE, make_network(), make_data(), listener=listen, deadline=clock)
    assert [row.epoch for row in result.curve] == [1]
    assert told.decided("an epoch takes about")


def test_a_phase_cut_by_the_deadline_goes_on_from_there_when_there_is_time_again(tmp_path: Path) -> None:
    clock = Clock()
    train(PHASE, make_network(), make_data(), listener=Watch(clock, 4), deadline=clock, folder=tmp_path)
    resumed = train(PHASE, make_network(), make_data(), folder=tmp_path)
    whole = train(PHASE, make_network(), make_data())
    assert identical(resumed.last, whole.last)


def test_a_recipe_without_time_still_gives_a_network_and_its_metrics() -> None:
    result = run_recipe(load_recipe("two_phase"), make_network(), make_data(), task=CLASSIFY, deadline=Deadline(0))
    assert result.stopped == "deadline"
    assert set(result.val_metrics) >= {"accuracy"}
    assert result.val_outputs.shape == (9, 3)


def test_a_deadline_counts_down_and_none_never_passes() -> None:
    deadline = Deadline(0.02)
    assert 0 < deadline.left() <= 0.02
    time.sleep(0.03)
    assert deadline.passed
    assert deadline.left() == 0.0
    assert not Deadline(60).passed
    assert Deadline(None).left() == pytest.approx(float("inf"))
