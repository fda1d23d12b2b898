"""The baselines that need no network: what can be had without any transfer, in seconds."""

from __future__ import annotations

from warmstart.data.schema import Kind
from warmstart.data.targets import TaskName
from warmstart.engine.ladder.forecasts import RUNGS as FORECASTS
from warmstart.engine.ladder.forecasts import ForecastRung
from warmstart.engine.ladder.nearest import NearestRung
from warmstart.engine.ladder.rungs import PixelRung
from warmstart.engine.ladder.tfidf import TfidfRung
from warmstart.engine.ladder.words import WordsRung

SimpleRung = PixelRung | TfidfRung | WordsRung | NearestRung | ForecastRung
_BY_KIND: dict[str, type[SimpleRung]] = {"image": PixelRung, "text": TfidfRung, "series": PixelRung}
_BY_TASK: dict[str, type[SimpleRung]] = {"tag": WordsRung, "generate": NearestRung, "forecast": FORECASTS[0]}
SIMPLE: dict[str, type[SimpleRung]] = {rung.name: rung for rung in (*_BY_KIND.values(), *_BY_TASK.values(), *FORECASTS)}
"""By name: `pixels`, `tfidf`, `words`, `nearest`, and those of forecasts."""


def simple_rung(kind: Kind, task: TaskName) -> type[SimpleRung]:
    """The baseline for a kind of input and a task.

    >>> simple_rung("text", "tag").name, simple_rung("text", "regress").name
    ('words', 'tfidf')
    """
    return _BY_TASK.get(task) or _BY_KIND[kind]


def simple_rungs(kind: Kind, task: TaskName) -> tuple[type[SimpleRung], ...]:
    """All baselines for a kind of input and a task, that of `simple_rung` first.

    >>> [rung.name for rung in simple_rungs("series", "forecast")]
    ['seasonal_naive', 'naive', 'theta', 'linear']
    """
    return FORECASTS if task == "forecast" else (simple_rung(kind, task),)
