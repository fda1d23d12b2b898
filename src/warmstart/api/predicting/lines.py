"""A row of answers as the lines of a table: cells are plain, and lists are JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from warmstart.shipping.rows import by_task

Line = dict[str, Any]
NAMED = {"probabilities": "p({})", "values": "{}"}
"""How columns of what has names are called."""
_EDGES = ("left", "top", "right", "bottom")


def lines_of(row: Mapping[str, Any], classes: Sequence[str]) -> Iterator[Line]:
    """The lines of one row: one, but of a forecast one for each step, of an image one for each box or class of a mask.

    >>> list(lines_of({"input": "a", "label": "x", "probabilities": {"x": 0.9}, "error": None}, ["x", "y"]))
    [{'input': 'a', 'label': 'x', 'p(x)': 0.9, 'p(y)': None, 'error': None}]
    """
    kept = row.get("kept") or {}
    head = {"input": row["input"]} | {name if name not in row else f"{name} (kept)": kept[name] for name in kept}
    if row["error"] is not None and ("quantiles" in row or "size" in row):
        yield {**head, "error": row["error"]}
    elif "quantiles" in row:
        yield from _of_forecast(head, row)
    elif "size" in row:
        yield from _of_scene(head, row)
    else:
        yield head | _flat({key: value for key, value in row.items() if key not in ("input", "kept")}, classes)


def _flat(row: Mapping[str, Any], classes: Sequence[str]) -> Line:
    found: Line = {}
    for key, value in by_task(dict(row)).items():
        if key in NAMED:
            found |= {NAMED[key].format(name): (value or {}).get(name) for name in classes}
        else:
            found[key] = cell(value)
    return found


def _of_forecast(head: Line, row: Mapping[str, Any]) -> Iterator[Line]:
    named = {f"q{level}": values for level, values in row["quantiles"].items()}
    for step, time in enumerate(row["times"]):
        told = {name: values[step] for name, values in named.items()}
        yield {**head, "time": cell(time), "forecast": row["forecast"][step], **told, "error": None}


def _of_scene(head: Line, row: Mapping[str, Any]) -> Iterator[Line]:
    for box in row.get("boxes") or ():
        edges = dict(zip(_EDGES, box["box"], strict=True))
        yield {**head, "label": box["label"], "score": box["score"], **edges, "error": None}
    for name, share in (row.get("shares") or {}).items():
        yield {**head, "label": name, "share": share, "error": None}


def cell(value: Any) -> Any:
    """What a table holds of a value: JSON of what has parts, nothing of what is not finite.

    >>> cell(["a", "b"]), cell(float("nan")), cell(0.5)
    ('["a", "b"]', None, 0.5)
    """
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


class Columns:
    """The columns of a table of answers and their types, found line by line."""

    def __init__(self, classes: Sequence[str], types: Mapping[str, str] | None = None) -> None:
        self._last = [form.format(name) for form in NAMED.values() for name in classes]
        self.types = dict(types or {})
        """`bool`, `int`, `float` or `str` by column; empty while there was no value."""

    def add(self, line: Line) -> None:
        """Take note of a line."""
        for name, value in line.items():
            before, now = self.types.get(name, ""), "" if value is None else type(value).__name__
            if before in ("", now) or not now:
                self.types[name] = now or before
            else:
                self.types[name] = "float" if {before, now} <= {"int", "float"} else "str"

    @property
    def order(self) -> list[str]:
        """Input first, what has a column for each class after the rest, and the error last."""
        last = [name for name in dict.fromkeys(self._last) if name in self.types]
        return (
            [name for name in self.types if name not in (*last, "error")] + last + ["error"] * ("error" in self.types)
        )
