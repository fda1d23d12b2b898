"""The options that say what data are and how they are read, as a run keeps them. They are named here alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warmstart.api.inputs.forecasts import WORDS, asked_of
from warmstart.api.inputs.scenes import WORDS as SCENES
from warmstart.data.schema import Kind
from warmstart.data.seriesreading import READING, reading_of
from warmstart.data.sources import kind_of
from warmstart.data.windows import Asked

COLUMNS = ("path_column", "text_column", "label_column", *READING)
"""Options that name columns of a table, and those of series."""
_HOW = ("size", "group", "time", "task", *SCENES, "normal", *COLUMNS, "on_missing", "max_unreadable")
"""Those that `warmstart.api.inputs.prepare.read_whole` takes as they are."""
KEPT = ("size", "seed", "val", "test", "group", "time", "task", *WORDS, *SCENES, "normal", *COLUMNS, "on_missing")
"""Those that a run's folder holds just as they were given, in the order in which its command has them."""


def kept(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `KEPT` that a function takes; `given` are its `locals()`, with the options of series as `series`.

    >>> list(kept({"size": 8, "out": "run", "series": {"window": "2s"}}))[:3]
    ['size', 'id_column', 'time_column']
    """
    every = {**given, **vars(reading_of(given["series"]))}
    return {name: every[name] for name in KEPT if name in every}


def asked_in(options: Mapping[str, Any]) -> Asked | None:
    """What is asked of forecasts; `None` where nothing is. Raises `DataError` as `asked_of` does."""
    words = (*WORDS, "val", "test", "folds")
    return asked_of(options.get("task"), **{name: options[name] for name in words if name in options})


def kind_in(data: Any, options: Mapping[str, Any]) -> Kind:
    """What data are, as these options say, or as they look. Raises `DataError` as `asked_in` and `kind_of` do."""
    if asked_in(options) is not None:
        return "series"
    columns = {name: options.get(name) for name in ("task", "path_column", "text_column")}
    return kind_of(data, reading=reading_of(options), **columns)


def how_read(options: Mapping[str, Any]) -> dict[str, Any]:
    """What `warmstart.api.inputs.prepare.read_whole` is to be called with, of the options of a run."""
    return {name: options[name] for name in _HOW if name in options} | {"forecast": asked_in(options)}
