"""A look at one time series: how long it is, what it is a copy of, and what is missing or strange in it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.data.names import reason
from warmstart.data.scan import Look
from warmstart.data.schema import Dataset, Series
from warmstart.data.seriesalike import outline, overlapping, runs, same_shapes
from warmstart.data.sources.series.recording import Asked
from warmstart.data.sources.series.recordingfile import read_recording
from warmstart.errors import DataError
from warmstart.preprocess.series import FLAT

_FEW = 8
_CLIPPED, _HELD, _VALUES = 0.1, 3, 10
"""A channel is clipped if a tenth of its steps lie at its highest value, three or more in a row; also at the lowest, if
that is as far below zero. And if it has more than ten different values, as a switch has not."""
EMPTY = "have no value at all, and are read as zeros"
ALONE = "have a single step"
FEW = f"have fewer than {_FEW} steps"
INFINITE = "have infinite values, which are taken as missing"
MISSING = "have missing values, which are filled in between their neighbours in time"
CONSTANT = "are constant, and are read as zeros where values are scaled"
FLAT_CHANNEL = "have a constant channel"
CLIPPED = "stay at their highest value for a tenth of their steps or more, as if clipped"
"""What is unusual about series."""


@dataclasses.dataclass(frozen=True)
class SeriesLook(Look):
    """What is known of one series. `size` is (steps, channels), `pixels` the hash of its values, and `missing` the
    share of its values that are not there or infinite.
    """

    shape: bytes = b""
    """By which copies of another offset and scale are found (`warmstart.data.seriesalike`)."""
    runs: bytes = b""
    """By which windows that overlap are found."""
    rate: float | None = None
    """Steps per second."""


def read_looks(dataset: Dataset, progress: Callable[[int], None] | None = None) -> list[Look]:
    """A look at each sample of series, for `warmstart.data.audit.audit_of`; what is no series has an error.

    Args:
        dataset: samples of series.
        progress: called with 1 after each.
    """
    looks: list[Look] = []
    for sample in dataset.samples:
        looks.append(look_at_series(sample.source))
        if progress is not None:
            progress(1)
    return looks


def look_at_series(source: object) -> Look:
    """What there is to say of a series. A path is that of a file that could not be read, and has an error.

    >>> found = look_at_series(Series(np.array([[1.0, np.nan, 3.0, 3.0], [5.0, 5.0, 5.0, 5.0]])))
    >>> found.size, found.missing, found.unusual == (FEW, MISSING, FLAT_CHANNEL)
    ((4, 2), 0.125, True)
    """
    if isinstance(source, Path):
        return Look(error=_why_not(source))
    if not isinstance(source, Series):
        return Look(error=f"no time series but a {type(source).__name__}")
    values = np.ascontiguousarray(source.values, dtype=np.float64)
    known = np.isfinite(values)
    whole = bool(known.all())
    return SeriesLook(
        size=(source.steps, source.channels),
        mode="series",
        unusual=_unusual(values, known, whole=whole),
        pixels=hashlib.blake2b(values.data, digest_size=16, salt=str(source.channels).encode()).hexdigest(),
        missing=0.0 if whole else 1 - float(known.mean()),
        shape=outline(values),
        runs=runs(values),
        rate=source.rate,
    )


def series_facts(dataset: Dataset, looks: Mapping[int, SeriesLook]) -> dict[str, Any]:
    """What is known of all series together, in plain JSON-able form: `steps` [shortest, median, longest], `channels`,
    their `names`, `rates` {steps per second: series}, and the share of values that are `missing`.
    """
    if not looks:
        return {}
    steps = sorted(found.size[0] for found in looks.values())
    rates = [("unknown" if found.rate is None else f"{found.rate:.6g}") for found in looks.values()]
    sources = [dataset.samples[i].source for i in looks]
    values = sum(found.size[0] * found.size[1] for found in looks.values())
    lost = sum(found.missing * found.size[0] * found.size[1] for found in looks.values())
    return {
        "steps": [steps[0], steps[len(steps) // 2], steps[-1]],
        "channels": sources[0].channels,
        "names": list(sources[0].names),
        "rates": {rate: rates.count(rate) for rate in dict.fromkeys(rates)},
        "missing": lost / max(1, values),
    }


def series_alike(looks: Mapping[int, SeriesLook]) -> Iterator[tuple[int, int]]:
    """(earlier index, index) of series that are the same at another offset and scale, or that overlap in time."""
    yield from same_shapes({i: found.shape for i, found in looks.items()})
    yield from overlapping({i: found.runs for i, found in looks.items()})


def _unusual(values: npt.NDArray[np.float64], known: npt.NDArray[np.bool_], *, whole: bool) -> tuple[str, ...]:
    steps = values.shape[1]
    if not known.any():
        return (EMPTY,)
    flat = [_is_flat(channel[there]) for channel, there in zip(values, known, strict=True)]
    found = {
        ALONE: steps == 1,
        FEW: 1 < steps < _FEW,
        INFINITE: not whole and bool(np.isinf(values).any()),
        MISSING: not whole and bool(np.isnan(values).any()),
        CONSTANT: steps > 1 and all(flat),
        FLAT_CHANNEL: steps > 1 and any(flat) and not all(flat),
        CLIPPED: any(_is_clipped(channel) for channel in values),
    }
    return tuple(what for what, is_so in found.items() if is_so)


def _is_flat(values: npt.NDArray[np.float64]) -> bool:
    """Whether a channel has one value, or none, by the rule of `warmstart.preprocess.series.scaled`."""
    return not len(values) or bool(values.std() <= FLAT * max(float(np.abs(values).max()), 1e-12))


def _is_clipped(channel: npt.NDArray[np.float64]) -> bool:
    highest, lowest = np.fmax.reduce(channel), np.fmin.reduce(channel)
    held = sum(_held(channel == bound) for bound in ((highest,) if lowest != -highest else (highest, lowest)))
    return held >= _CLIPPED * len(channel) and len(np.unique(channel)) > _VALUES


def _held(at: npt.NDArray[np.bool_]) -> int:
    """How many steps lie in runs of three or more."""
    if int(at.sum()) < _HELD:
        return 0
    framed = np.concatenate([[False], at, [False]])
    lengths = np.flatnonzero(~framed[1:] & framed[:-1]) - np.flatnonzero(framed[1:] & ~framed[:-1])
    return int(lengths[lengths >= _HELD].sum())


def _why_not(path: Path) -> str:
    try:
        read_recording(path, path.name, Asked(labelled=False), [])
    except DataError as error:
        return reason(error, path)
    return "could not be read when the data was loaded, and can be now"
