"""Pieces over a crew that is made up: order, deaths, bounds."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterator
from typing import Any

import pytest

from warmstart.engine.events import Decided, Event, silent
from warmstart.engine.fanout.crew import Died, Done, Outcome, Raised
from warmstart.engine.fanout.spread import AHEAD, ATTEMPTS, GivenUp, spread
from warmstart.errors import DataError, MissingExtraError, WarmstartError


class Backwards:
    """Two at once, of which the later is over first. `outcomes` are those of a piece, one for each attempt."""

    most = 2

    def __init__(self, outcomes: dict[int, list[Outcome]] | None = None, slow: int = -1) -> None:
        self.outcomes, self.slow, self.busy, self.begun = outcomes or {}, slow, list[int](), list[int]()

    def begin(self, piece: int) -> int:
        assert len(self.busy) < self.most
        self.busy.append(piece)
        self.begun.append(piece)
        return piece

    def wait(self, seconds: float) -> list[tuple[Hashable, Outcome]]:
        quick = [piece for piece in self.busy if piece != self.slow]
        if not quick:
            return []
        piece = quick[-1]
        self.busy.remove(piece)
        mine = self.outcomes.get(piece, [])
        return [(piece, mine.pop(0) if mine else Done(10 * piece))]


def run(crew: Backwards, n: int, **options: Any) -> Iterator[tuple[int, Any]]:
    how: dict[str, Any] = {"name": "piece {}".format, "listener": silent, **options}
    return spread(crew, range(n), **how)


def test_results_come_as_they_are_there_or_in_order() -> None:
    assert sorted(run(Backwards(), 5)) == [(i, 10 * i) for i in range(5)]
    assert next(run(Backwards(), 5)) == (1, 10)
    assert list(run(Backwards(), 5, ordered=True)) == [(i, 10 * i) for i in range(5)]


def test_a_piece_whose_worker_died_is_done_again_and_it_is_said() -> None:
    told = list[Event]()
    crew = Backwards({2: [Died("killed by SIGKILL")]})
    assert list(run(crew, 4, ordered=True, listener=told.append)) == [(i, 10 * i) for i in range(4)]
    assert crew.begun.count(2) == 2
    (said,) = [event.text for event in told if isinstance(event, Decided)]
    assert "piece 2 died (killed by SIGKILL), 1 of 3 times: it is done again" in said


def test_what_kills_each_worker_is_given_up_and_all_else_is_done() -> None:
    crew = Backwards({1: [Died("a"), Died("b"), Died("a")]})
    found = dict(run(crew, 4))
    assert crew.begun.count(1) == ATTEMPTS
    lost = found.pop(1)
    assert isinstance(lost, GivenUp)
    assert str(lost) == "each of the 3 workers that took it died (a; b)"
    assert "input 1 is given up" in lost.error("input 1", "do").found
    assert found == {i: 10 * i for i in (0, 2, 3)}


def test_no_more_than_a_few_wait_for_the_oldest() -> None:
    crew = Backwards(slow=0)
    ends = iter([False] * 50 + [True])
    assert list(run(crew, 1000, ordered=True, stopped=lambda: next(ends))) == []
    assert len(crew.begun) == AHEAD * crew.most


def test_an_error_comes_after_the_results_before_it() -> None:
    pieces = run(Backwards({2: [Raised(DataError("row 2"))]}), 9, ordered=True)
    assert [next(pieces), next(pieces)] == [(0, 0), (1, 10)]
    with pytest.raises(DataError, match="row 2"):
        next(pieces)


def test_nothing_is_begun_once_the_time_is_over_and_what_is_begun_ends() -> None:
    crew = Backwards()
    found = list(run(crew, 9, ready=lambda: len(crew.begun) < 3))
    assert sorted(crew.begun) == sorted(piece for piece, _ in found) == [0, 1, 2]


@pytest.mark.parametrize("error", [DataError("a", "b", "c"), MissingExtraError("this", "ray")])
def test_errors_are_the_same_after_they_were_sent(error: WarmstartError) -> None:
    error.add_note("where it was")
    again = copy.copy(error)  # by the way in which it is sent to another process
    assert type(again) is type(error)
    assert (str(again), again.found, again.expected, again.do) == (str(error), error.found, error.expected, error.do)
    assert again.__notes__ == ["where it was"]
