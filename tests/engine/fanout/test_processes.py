"""Processes that are killed, that leave, and that are to stop."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.engine.fanout.work import work
from warmstart.engine.events import Decided, Event, silent
from warmstart.engine.fanout.processes import Processes
from warmstart.engine.fanout.spread import GivenUp, spread
from warmstart.errors import DataError


def children() -> set[int]:
    """Workers of this process; the helper that multiprocessing keeps is none."""
    every = psutil.Process().children()
    return {one.pid for one in every if "spawn_main" in " ".join(one.cmdline())}


def test_deaths_cost_their_piece_and_no_process_is_left(tmp_path: Path) -> None:
    told, before = list[Event](), children()
    pieces: list[Any] = [1, "once", 2, "always", 3]
    with Processes(work, str(tmp_path), 2) as crew:
        found = dict(spread(crew, pieces, name=str, listener=told.append))
    assert (found[1], found[2], found[3]) == (1, 4, 9)
    assert isinstance(found["once"], int)
    assert isinstance(found["always"], GivenUp)
    said = [event.text for event in told if isinstance(event, Decided)]
    assert sum("once died (killed by SIGKILL, as it is where memory is short), 1 of 3" in text for text in said) == 1
    assert sum("always died" in text for text in said) == 3
    assert children() <= before


def test_what_work_raises_is_raised_and_how_a_process_left_is_told(tmp_path: Path) -> None:
    with Processes(work, str(tmp_path), 1) as crew:
        with pytest.raises(DataError, match="one row is wrong") as raised:
            list(spread(crew, ["wrong"], name=str, listener=silent))
        assert "in work" in raised.value.__notes__[0]
        ((_, lost),) = spread(crew, ["leaves"], name=str, listener=silent)
    assert lost.why == ("it ended with code 7",) * 3


def test_whoever_is_at_work_may_save_it_before_it_stops(tmp_path: Path) -> None:
    before, began = children(), time.monotonic()
    with Processes(work, str(tmp_path), 1) as crew:
        stopped = spread(crew, ["long"], name=str, listener=silent, stopped=lambda: bool(list(tmp_path.glob("long-*"))))
        assert list(stopped) == []
    assert (tmp_path / "saved").exists()
    assert children() <= before
    assert time.monotonic() - began < 30
