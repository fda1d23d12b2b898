"""Files `.tsf` of the Monash archive of series to be forecast (Godahewa et al. 2021): they have no labels.

A header says which attributes stand before the values of a line, and how far apart the steps are (`@frequency`). Dates
are written `1979-01-01 00-00-00`, so that colons divide the attributes.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from pathlib import Path

from warmstart.data.names import clean
from warmstart.data.schema import Series
from warmstart.data.sources.series.recording import Recording, Recordings
from warmstart.data.sources.series.values import as_values
from warmstart.data.sources.textfile import read_noted
from warmstart.errors import DataError

DAY = 86_400.0
_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": DAY, "week": 7 * DAY, "month": 365.25 * DAY / 12,
            "quarter": 365.25 * DAY / 4, "year": 365.25 * DAY}  # fmt: skip
_WORDS = {"secondly": "second", "minutely": "minute", "hourly": "hour", "daily": "day", "weekly": "week",
          "monthly": "month", "quarterly": "quarter", "yearly": "year"}  # fmt: skip
_DATES = ("%Y-%m-%d %H-%M-%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")


def read_tsf(path: Path, notes: list[str]) -> Recordings:
    """The series of a file, with their rate and, where a line has a `start_timestamp`, their start.

    Raises:
        DataError: names the line of the header, or of a series, that cannot be read.
    """
    lines = enumerate(read_noted(path, notes).splitlines(), start=1)
    attributes, said = _header(lines, path)
    rate = 1 / step_seconds(said["frequency"], path) if "frequency" in said else None
    found = []
    for number, line in lines:
        if not line.strip():
            continue
        place = f"{path.name}: line {number}"
        *cells, values = line.strip().split(":", len(attributes))
        if len(cells) != len(attributes):
            raise DataError(f"{place} has {len(cells)} of the attributes {', '.join(n for n, _ in attributes)}", "all")
        row = {name: (kind, cell) for (name, kind), cell in zip(attributes, cells, strict=True)}
        dates = [_start(cell, place) for kind, cell in row.values() if kind == "date"]
        names = [clean(cell.strip()) for kind, cell in row.values() if kind == "string"]
        series = Series(as_values(values.split(","), place)[None], rate, start=dates[0] if dates else None)
        found.append(Recording(":".join(names) or f"line-{number}", place, series))
    if not found:
        raise DataError(f"{path} has no series", expected="lines of values below @data")
    horizon = said.get("horizon", "")
    return Recordings(found, (), horizon=int(horizon) if horizon.isdecimal() else None)


def step_seconds(frequency: str, path: Path | str = "@frequency") -> float:
    """Seconds between two steps of a frequency as Monash writes it; a month is a twelfth of 365.25 days.

    >>> step_seconds("half_hourly"), step_seconds("10_minutes"), step_seconds("weekly")
    (1800.0, 600.0, 604800.0)
    """
    text = frequency.strip().lower().replace(" ", "_")
    found = re.fullmatch(r"(?:(\d+)_|(half)_)?([a-z]+)", text)
    word = found[3] if found else ""
    unit = _WORDS.get(word, word.removesuffix("s"))
    if found is None or unit not in _SECONDS:
        raise DataError(
            f"{path}: the frequency {clean(frequency)[:50]!r}",
            expected="hourly, 10_minutes, daily, monthly and the like",
        )
    return _SECONDS[unit] * (int(found[1]) if found[1] else 0.5 if found[2] else 1)


def _header(lines: Iterator[tuple[int, str]], path: Path) -> tuple[list[tuple[str, str]], dict[str, str]]:
    attributes: list[tuple[str, str]] = []
    said: dict[str, str] = {}
    for number, line in lines:
        text = line.strip()
        if not text or text[0] in "#%":
            continue
        key, *words = text.split()
        if key.lower() == "@data":
            return attributes, said
        if key.lower() == "@attribute" and len(words) == 2:
            attributes.append((words[0], words[1].lower()))
        elif key.startswith("@") and key.lower() != "@attribute":
            said[key[1:].lower()] = " ".join(words)
        else:
            raise DataError(f"{path}: line {number} is {clean(text[:50])!r}", expected="@attribute NAME TYPE, or @data")
    raise DataError(f"{path} has no line @data", expected="a header of lines with @, then @data and a line per series")


def _start(cell: str, place: str) -> float:
    for form in _DATES:
        try:
            return datetime.datetime.strptime(cell.strip(), form).replace(tzinfo=datetime.UTC).timestamp()
        except ValueError:
            continue
    raise DataError(f"{place}: the start is {clean(cell)[:50]!r}", expected="a date such as 1979-01-01 00-00-00")
