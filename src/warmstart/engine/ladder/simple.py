"""The baselines that need no network: what can be had without any transfer, in seconds."""

from __future__ import annotations

from warmstart.data.schema import Kind
from warmstart.data.targets import TaskName
from warmstart.engine.ladder.nearest import NearestRung
from warmstart.engine.ladder.rungs import PixelRung
from warmstart.engine.ladder.tfidf import TfidfRung
from warmstart.engine.ladder.words import WordsRung

SimpleRung = PixelRung | TfidfRung | WordsRung | NearestRung
_BY_KIND: dict[str, type[SimpleRung]] = {"image": PixelRung, "text": TfidfRung, "series": PixelRung}
_BY_TASK: dict[str, type[SimpleRung]] = {"tag": WordsRung, "generate": NearestRung}
SIMPLE: dict[str, type[SimpleRung]] = {rung.name: rung for rung in (*_BY_KIND.values(), *_BY_TASK.values())}
"""By name: `pixels`, `tfidf`, `words`, `nearest`."""


def simple_rung(kind: Kind, task: TaskName) -> type[SimpleRung]:
    """The baseline for a kind of input and a task.

    >>> simple_rung("text", "tag").name, simple_rung("text", "regress").name
    ('words', 'tfidf')
    """
    return _BY_TASK.get(task) or _BY_KIND[kind]
