r"""Files `.ts` of the archives of UCR and UEA: a header of `@` lines, then a line for each case.

Channels are divided by colons, values by commas, and the label stands behind the last colon (aeon, ".ts file format").
With `@timeStamps true` a value is `(time,value)`. Read here and not by aeon, which does not say the line of what is
wrong, puts labels in lower case and drops the sign of values with a time.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from warmstart.data.names import clean, some
from warmstart.data.schema import Series
from warmstart.data.sources.series.recording import Recording, Recordings
from warmstart.data.sources.series.stamps import Stamps, read_stamps
from warmstart.data.sources.series.values import FloatArray, as_values
from warmstart.data.sources.textfile import read_noted
from warmstart.errors import DataError

_TIMED = re.compile(r"\(\s*(.*?)\s*,\s*([^,()]*?)\s*\)")
_BOOLEANS = {"true": True, "false": False}


@dataclasses.dataclass(frozen=True)
class Header:
    """What the lines above `@data` say."""

    timed: bool = False
    labelled: bool = False
    classes: tuple[str, ...] = ()
    numbers: bool = False
    """Whether labels are numbers (`@targetLabel`)."""
    dimensions: int | None = None


def read_ts(path: Path, notes: list[str]) -> Recordings:
    """The series of a file.

    Raises:
        DataError: names the line that is no header, has another number of channels than the header or the first, a
            value that is no number, channels of unequal lengths, or a label that the header does not list.
    """
    lines = enumerate(read_noted(path, notes).splitlines(), start=1)
    header = _header(lines, path)
    found = [_case(line, number, header, path, notes) for number, line in lines if line.strip()]
    if not found:
        raise DataError(f"{path} has no series", expected="lines of values below @data")
    return Recordings(found, task="regress" if header.numbers else None)


def _header(lines: Iterator[tuple[int, str]], path: Path) -> Header:
    said: dict[str, list[str]] = {}
    for number, line in lines:
        text = line.strip()
        if not text or text[0] in "#%":
            continue
        if text[0] != "@":
            raise DataError(
                f"{path}: line {number} is {clean(text[:50])!r}",
                expected="lines that begin with @, the last of them @data",
            )
        key, *words = text[1:].split() or [""]
        if key.lower() == "data":
            return _understood(said, path)
        said[key.lower()] = words
    raise DataError(f"{path} has no line @data", expected="a header of lines with @, then @data and a line per series")


def _understood(said: dict[str, list[str]], path: Path) -> Header:
    def flag(key: str) -> bool:
        word = (said.get(key) or ["false"])[0].lower()
        if word not in _BOOLEANS:
            raise DataError(f"{path}: @{key} is {clean(word)!r}", expected="true or false")
        return _BOOLEANS[word]

    dimensions = said.get("dimensions") or said.get("dimension")
    if dimensions and not dimensions[0].isdecimal():
        raise DataError(f"{path}: @dimensions is {clean(dimensions[0])!r}", expected="a whole number")
    classes, numbers = flag("classlabel"), flag("targetlabel")
    channels = int(dimensions[0]) if dimensions else 1 if "univariate" in said and flag("univariate") else None
    names = tuple(said.get("classlabel", [])[1:])
    return Header(flag("timestamps"), classes or numbers, names if classes else (), numbers, channels)


def _case(line: str, number: int, header: Header, path: Path, notes: list[str]) -> Recording:
    told = None
    place = f"{path.name}: line {number}"
    body, label = line.strip(), ""
    if header.labelled:
        body, colon, label = body.rpartition(":")
        label = label.strip()
        if not colon or "," in label:
            raise DataError(f"{place} has no label", expected="the label behind the last colon", do="mend the line")
        if header.classes and label not in header.classes:
            raise DataError(
                f"{place} has the label {clean(label)[:50]!r}",
                expected=f"one that the header lists: {some(header.classes, 10)}",
            )
    labels = (None if label == "?" else label,) if header.labelled else ()
    if header.timed:
        series, told = _timed(body, place, notes)
    else:
        series = Series(_stacked([as_values(c.split(","), place) for c in body.split(":")], place))
    if header.dimensions is not None and series.channels != header.dimensions:
        raise DataError(f"{place} has {series.channels} channel(s)", f"{header.dimensions}, as the header says")
    return Recording(f"line-{number}", place, series, labels, stamps=told)


def _stacked(channels: list[FloatArray], place: str) -> FloatArray:
    if len(steps := {len(channel) for channel in channels}) > 1:
        raise DataError(
            f"{place} has channels of {min(steps)} to {max(steps)} steps",
            expected="channels of one length in each series",
            do="fill the shorter ones with ? or NaN",
        )
    return np.stack(channels)


def _timed(body: str, place: str, notes: list[str]) -> tuple[Series, Stamps]:
    channels = re.split(r"(?<=\))\s*:", body)
    pairs = [_TIMED.findall(channel) for channel in channels]
    if any(not found or len(found) != channel.count("(") for found, channel in zip(pairs, channels, strict=True)):
        raise DataError(f"{place} is {clean(body[:50])!r}", expected="(time,value) for each step, as the header says")
    values = _stacked([as_values([value for _, value in found], place) for found in pairs], place)
    if any([at for at, _ in found] != [at for at, _ in pairs[0]] for found in pairs):
        raise DataError(f"{place} has channels with different times", expected="the same times in each channel")
    told = read_stamps([at for at, _ in pairs[0]], f"{place}, time", notes).of(np.arange(len(pairs[0])), place)
    return Series(values, told.rate, start=told.start), told
