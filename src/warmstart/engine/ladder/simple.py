"""The baselines that need no network: what can be had without any transfer, in seconds."""

from __future__ import annotations

from warmstart.data.schema import Kind
from warmstart.data.targets import TaskName
from warmstart.engine.ladder.forecasts import RUNGS as FORECASTS
from warmstart.engine.ladder.forecasts import ForecastRung
from warmstart.engine.ladder.kernels import has_aeon
from warmstart.engine.ladder.nearest import NearestRung
from warmstart.engine.ladder.rocket import MiniRocketRung, MultiRocketHydraRung
from warmstart.engine.ladder.rungs import PixelRung
from warmstart.engine.ladder.steps import StepsRung
from warmstart.engine.ladder.tfidf import TfidfRung
from warmstart.engine.ladder.words import WordsRung

SimpleRung = PixelRung | TfidfRung | WordsRung | NearestRung | MiniRocketRung | MultiRocketHydraRung | ForecastRung
_BY_KIND: dict[Kind, tuple[type[SimpleRung], ...]] = {
    "image": (PixelRung,),
    "text": (TfidfRung,),
    "series": (MiniRocketRung, MultiRocketHydraRung, StepsRung),
}
_BY_TASK: dict[TaskName, tuple[type[SimpleRung], ...]] = {
    "tag": (WordsRung,),
    "generate": (NearestRung,),
    "forecast": FORECASTS,
    "detect": (),
    "segment": (),
}
_BY_BOTH: dict[tuple[Kind, TaskName], tuple[type[SimpleRung], ...]] = {("series", "anomaly"): (StepsRung,)}
"""Distances between values mean something, and between thousands of random convolutions of few series nothing."""
SIMPLE: dict[str, type[SimpleRung]] = {
    rung.name: rung for rungs in (*_BY_KIND.values(), *_BY_TASK.values()) for rung in rungs
}
"""By name: `pixels`, `tfidf`, `minirocket`, `multirocket_hydra`, `steps`, `words`, `nearest`, those of forecasts."""


def simple_rungs(kind: Kind, task: TaskName) -> tuple[type[SimpleRung], ...]:
    """The baselines that there are for a kind of input and a task; none of boxes and masks, which nothing so simple
    finds.

    >>> [rung.name for rung in simple_rungs("series", "forecast")]
    ['seasonal_naive', 'naive', 'theta', 'linear']
    """
    return _BY_BOTH.get((kind, task), _BY_TASK.get(task, _BY_KIND[kind]))


def simple_rung(kind: Kind, task: TaskName) -> type[SimpleRung]:
    """The baseline that is always tried.

    >>> simple_rung("text", "tag").name, simple_rung("text", "regress").name
    ('words', 'tfidf')
    """
    return default_simple(kind, task)[0]


def default_simple(kind: Kind, task: TaskName) -> tuple[type[SimpleRung], ...]:
    """The baseline that is always tried, and those that are tried beside it where there is time."""
    every = simple_rungs(kind, task)
    if MiniRocketRung not in every:
        return every
    return (MiniRocketRung, MultiRocketHydraRung) if has_aeon() else (MiniRocketRung,)
