"""Long recordings cut into windows: views of their values, so that a file that is mapped into memory is not read.

What a recording leaves behind its last whole window is left out. The windows of one recording are one group, which no
division separates; where there is but one recording, they are divided by time.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from warmstart.data.names import clean, some
from warmstart.data.schema import Series
from warmstart.data.seriesreading import Reading
from warmstart.data.sources.series.recording import Recording
from warmstart.errors import DataError

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)?")
_SECONDS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_EXPECTED = 'a number of steps, or a time such as "2s", "500ms", "1min"'


def as_steps(length: int | str, rate: float | None, what: str = "window") -> int:
    """How many steps a window, or the way from one to the next, has.

    Raises:
        DataError: it is no length, less than one step, or a time where the rate is not known.

    >>> as_steps("2s", 50.0), as_steps(128, None), as_steps("0.5 min", 2)
    (100, 128, 60)
    """
    found = _LENGTH.fullmatch(str(length).strip().lower())
    if found is None or (found[2] is None and not float(found[1]).is_integer()):
        raise DataError(f"the {what} {clean(str(length))!r}", expected=_EXPECTED)
    if found[2] is None:
        steps = int(float(found[1]))
    elif rate is None:
        raise DataError(
            f"the {what} {length} is a time, and the rate of the series is not known",
            expected=_EXPECTED,
            do="say how many steps a second has with rate (--rate), or give the number of steps",
        )
    else:
        steps = round(float(found[1]) * _SECONDS[found[2]] * rate)
    if steps < 1:
        raise DataError(f"the {what} {length} is less than one step", expected=_EXPECTED)
    return steps


def windowed(found: Sequence[Recording], reading: Reading, *, labelled: bool, notes: list[str]) -> list[Recording]:
    """The windows of all recordings, in order; the recordings themselves if no window is asked for.

    Where labels are of steps, a window has the one that more than half of its steps have; without such a one it is left
    out. Notes count what is left out.

    Raises:
        DataError: no recording is as long as a window, a length cannot be understood, or windows of the only recording
            overlap, so that parts would share steps.
    """
    if reading.window is None:
        if reading.stride is not None:
            raise DataError("a stride without a window", expected="window (--window) with it")
        return list(found)
    windows: list[Recording] = []
    short, rest, mixed, lost, steps = [], 0, 0, 0, 0
    for one in found:
        length = as_steps(reading.window, one.series.rate)
        stride = length if reading.stride is None else as_steps(reading.stride, one.series.rate, "stride")
        if one.series.steps < length:
            short.append(one.id)
            continue
        if len(found) == 1 and labelled and stride < length and one.split is None:
            raise _overlapping(length, stride)
        begins = range(0, one.series.steps - length + 1, stride)
        rest += max(0, one.series.steps - (begins[-1] + max(length, stride)))
        steps += one.series.steps
        labels, of_several = _labels(one, begins, length)
        kept = [(begin, label) for begin, label in zip(begins, labels, strict=True) if label is not None]
        mixed += of_several
        lost += len(begins) - len(kept)
        windows += [_window(one, begin, length, label, alone=len(found) == 1) for begin, label in kept]
    if not windows:
        raise DataError(
            f"no window of {reading.window} is found in {len(found)} recording(s)",
            expected=f"recordings that are longer; they have {min(r.series.steps for r in found)} to "
            f"{max(r.series.steps for r in found)} steps",
            do="take a shorter window",
        )
    notes += _told(found, windows, short, rest, steps, mixed, lost, labelled=labelled)
    return windows


def _window(one: Recording, begin: int, length: int, labels: tuple[Any, ...], *, alone: bool) -> Recording:
    whole = one.series
    start = None
    if one.stamps is not None:
        start = float(one.stamps.at[begin])
    elif whole.start is not None and whole.rate is not None:
        start = whole.start + begin / whole.rate
    series = Series(whole.values[:, begin : begin + length], whole.rate, whole.names, start)
    by_time = alone and one.group is None and one.split is None
    time = one.time if not by_time else float(begin) if start is None else start
    group = None if by_time else one.group or one.id
    return dataclasses.replace(
        one, id=f"{one.id}[{begin}:{begin + length}]", series=series, labels=labels, step_labels=None, stamps=None,
        group=group, time=time,
    )  # fmt: skip


def _labels(one: Recording, begins: range, length: int) -> tuple[list[tuple[Any, ...] | None], int]:
    """The labels of each window, `None` where no label is that of most steps; how many of the others have several."""
    if one.step_labels is None:
        return [one.labels] * len(begins), 0
    names = list(dict.fromkeys(one.step_labels))
    number = {name: i for i, name in enumerate(names)}
    codes = np.array([number[name] for name in one.step_labels])
    counts = np.zeros((len(names), len(codes) + 1), dtype=np.int64)
    np.cumsum(codes == np.arange(len(names))[:, None], axis=1, out=counts[:, 1:])
    at = np.array(begins)
    inside = counts[:, at + length] - counts[:, at]
    best, most = inside.argmax(0), inside.max(0)
    labels = [
        (names[b],) if 2 * m > length and names[b] else None for b, m in zip(best.tolist(), most.tolist(), strict=True)
    ]
    several = [m < length and label is not None for m, label in zip(most.tolist(), labels, strict=True)]
    return labels, sum(several)


def _told(
    found: Sequence[Recording],
    windows: Sequence[Recording],
    short: Sequence[str],
    rest: int,
    steps: int,
    mixed: int,
    lost: int,
    *,
    labelled: bool,
) -> list[str]:
    length = windows[0].series.steps
    told = [f"{len(found)} recording(s) are cut into {len(windows)} windows of {length} steps"]
    if short:
        told.append(f"{len(short)} recording(s) are shorter than a window and are left out: {some(short, 3)}")
    if rest:
        told.append(f"{rest} of {steps} steps lie behind the last whole window of their recording and are left out")
    if mixed:
        told.append(f"{mixed} window(s) have steps of several labels; they have that of more than half of their steps")
    if lost:
        told.append(f"{lost} window(s) have no label that more than half of their steps have, and are left out")
    if labelled and len(found) == 1:
        told.append("all windows are of one recording: parts are cut by time, the latest are the test")
    return told


def _overlapping(length: int, stride: int) -> DataError:
    return DataError(
        f"windows of {length} steps every {stride} steps of the only recording",
        expected="windows that do not overlap: parts would share steps, and scores would flatter",
        do=f"leave the stride out, or take at least {length}; or give several recordings, each of which stays whole",
    )
