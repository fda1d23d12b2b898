"""What a tracker is, and the registry of them. No tracker is imported before a run asks for it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from warmstart.errors import MissingExtraError, RunError
from warmstart.files import read_json
from warmstart.registry import Registry

PROJECT = "warmstart"
"""The experiment, or project, that runs are kept in; where a tracker has a setting of the user's for it, that goes."""


@runtime_checkable
class Measurement(Protocol):
    """What is kept of an event: the engine's `Measured` has this shape. This room must not know the engine."""

    rung: str
    phase: str
    step: int
    values: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Begun:
    """A run that is to be tracked."""

    folder: Path
    parameters: Mapping[str, Any]
    """What it was asked for, and the sums of the weights and the data."""
    before: Mapping[str, str]
    """`Tracker.identity` of the run that is gone on with; empty where it begins."""


@dataclasses.dataclass(frozen=True)
class Final:
    """What came of a run."""

    metrics: dict[str, float]
    """By names such as `test/accuracy`, `test/accuracy_low` and `test/accuracy_high`, the ends of its interval."""
    words: dict[str, str]
    """The verdict, and what was chosen."""
    files: dict[str, Path]
    """What is to be kept, by name; empty unless that was asked for."""


class Tracker(Protocol):
    """Keeps one run. What it raises is caught: it never ends a training."""

    identity: dict[str, str]
    """What finds the tracked run again when the run is gone on with."""

    def measured(self, row: Measurement) -> None:
        """Keep one row of a learning curve."""

    def ended(self, final: Final) -> None:
        """Keep what came of the run."""

    def close(self, status: str) -> None:
        """Let go; `status` is "finished", "stopped" or "failed"."""


trackers: Registry[Callable[[Begun], Tracker]] = Registry("tracker", RunError)
trackers.add("tensorboard", "warmstart.report.tracking.tensorboard:TensorBoardTracker")
trackers.add("mlflow", "warmstart.report.tracking.mlflow:MlflowTracker")
trackers.add("wandb", "warmstart.report.tracking.wandb:WandbTracker")
trackers.add("trackio", "warmstart.report.tracking.trackio:TrackioTracker")
_EXTRAS = {"mlflow": "track", "wandb": "wandb", "trackio": "trackio"}
NONE = "none"


def trackers_named(track: str) -> dict[str, bool]:
    """The trackers of `track` by name, and whether each is to keep files too.

    Raises:
        RunError: there is no such tracker, or no such option.
        MissingExtraError: it is not installed.

    >>> trackers_named("tensorboard, mlflow?artifacts"), trackers_named("none")
    ({'tensorboard': False, 'mlflow': True}, {})
    """
    found: dict[str, bool] = {}
    for word in filter(None, (part.strip() for part in track.split(","))):
        name, _, option = word.partition("?")
        if name == NONE:
            continue
        if name not in trackers:
            raise RunError(
                f"there is no tracker {name!r}", expected=f"some of {', '.join(trackers)}, commas between; or {NONE}"
            )
        if option not in ("", "artifacts"):
            raise RunError(f"{name}?{option}", expected=f"{name}, or {name}?artifacts to keep report and bundle too")
        if name in _EXTRAS and find_spec(name) is None:
            raise MissingExtraError(f"the tracker {name}", _EXTRAS[name])
        found[name] = bool(option)
    return found


def final(folder: Path, *, files: bool) -> Final:
    """What came of the run in a folder, by its `results.json`; of runs that have none, nothing."""
    found = read_json(folder / "results.json") or {}
    intervals = {f"{found.get('evaluated_on', 'test')}/{name}": one for name, one in (found.get("test") or {}).items()}
    for entry in found.get("entries") or ():  # of a comparison
        intervals |= {f"{entry['name']}/{name}": one for name, one in entry["metrics"].items()}
    for tried in found.get("tried") or ():  # of an adaptation
        intervals |= {f"{tried['name']}/{part}": tried[part] for part in ("val", "target") if tried.get(part)}
    metrics: dict[str, Any] = {}
    for name, one in intervals.items():
        metrics |= {name: one["value"], f"{name}_low": one["low"], f"{name}_high": one["high"]}
    metrics["seconds"] = found.get("seconds")
    kept = {name: folder / name for name in ("report.html", "results.json", "bundle") if (folder / name).exists()}
    return Final(
        {name: float(value) for name, value in metrics.items() if isinstance(value, int | float)},
        {name: str(found[name]) for name in ("verdict", "chosen") if found.get(name)},
        kept if files else {},
    )


def plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters on one level, without those that were not set, as trackers take them.

    >>> plain({"seed": 0, "recipe": {"name": "probe", "steps": []}, "size": None})
    {'seed': 0, 'recipe/name': 'probe', 'recipe/steps': '[]'}
    """
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            found |= {f"{name}/{key}": inner for key, inner in plain(value).items()}
        elif value is not None:
            found[name] = value if isinstance(value, str | int | float | bool) else str(value)
    return found


def finite(row: Measurement) -> dict[str, float]:
    """The numbers of a row under `rung/phase/name`; one that is not finite is left out, for not all can keep it."""
    return {f"{row.rung}/{row.phase}/{name}": value for name, value in row.values.items() if math.isfinite(value)}
