"""The listener that feeds the trackers of a run. A tracker that fails is told of once and left out; the run goes on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from warmstart.engine.events import Decided, Listener
from warmstart.errors import Interrupted
from warmstart.files import read_json, write_json
from warmstart.report.tracking.base import Begun, Measurement, Tracker, final, trackers, trackers_named

CONFIG = "run.json"
"""What the run was asked for, in its folder."""
STATE = "tracking.json"
"""In the run's folder: what finds the tracked runs again, for a run that is gone on with."""


class Tracking:
    """Use it as a context: it ends the tracked runs, with what `results.json` says by then.

    Args:
        folder: of the run; the options are those in its `run.json`.
        track: which trackers, as `trackers_named` has it.
        tell: hears of a tracker that failed.
        data: gives the sum of the data; asked only by trackers that keep parameters.
    """

    def __init__(self, folder: Path, track: str, tell: Listener, data: Callable[[], str] | None = None) -> None:
        self._folder, self._tell, self._asked = folder, tell, trackers_named(track)
        self._open: dict[str, Tracker] = {}
        self._data = data

    def __enter__(self) -> Tracking:
        state: dict[str, Any] = read_json(self._folder / STATE) or {}
        parameters: dict[str, Any] = read_json(self._folder / CONFIG) or {}
        if self._data is not None and set(self._asked) - {"tensorboard"}:
            parameters["data_sha256"] = self._data()
        for name in self._asked:
            self._try(name, partial(self._begin, name, Begun(self._folder, parameters, state.get(name, {}))))
        known = {name: one.identity for name, one in self._open.items() if one.identity}
        if known:
            write_json(self._folder / STATE, {**state, **known})
        return self

    def _begin(self, name: str, begun: Begun) -> None:
        self._open[name] = trackers[name](begun)

    def __call__(self, event: object) -> None:
        """Pass a measurement on; other events are not tracked."""
        if isinstance(event, Measurement):
            for name, tracker in list(self._open.items()):
                self._try(name, partial(tracker.measured, event))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        status = "finished" if kind is None else "stopped" if issubclass(kind, Interrupted) else "failed"
        for name, tracker in list(self._open.items()):
            if kind is None:
                found = final(self._folder, files=self._asked[name])
                self._try(name, partial(tracker.ended, found))
            self._try(name, partial(tracker.close, status))
        self._open.clear()

    def _try(self, name: str, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # whatever a tracker raises: the training is worth more
            self._open.pop(name, None)
            first = str(error).strip().partition("\n")[0]
            self._tell(Decided(f"{name} keeps nothing more of this run ({type(error).__name__}: {first})"))
