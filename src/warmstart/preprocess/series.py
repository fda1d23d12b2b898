"""What a backbone expects of a time series: how many steps, how many channels, on which scale."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

Lengths = Literal["resample", "pad"]
Scale = Literal["series", "none"]
FLAT = 1e-6
"""A channel whose spread is at most this share of its largest value (or this much) is constant: zeros on its scale."""


@dataclasses.dataclass(frozen=True)
class SeriesSpec:
    """How a series becomes the numbers (channels, size) that a backbone reads.

    In this order, by these rules:

    1. *Missing values* (NaN, infinite) inside a channel are interpolated linearly between their neighbours in time, at
       its ends the nearest value stands for them; a channel without any value is zeros.
    2. *Length*: a series of another length than `size` is brought to it. `resample`: linearly, so that its first and
       last steps stay where they are; `pad`: a shorter one is followed by its last value, of a longer one the *last*
       `size` steps are read, which is what a forecast wants.
    3. *Scale*: `series` brings every channel of every series to mean 0 and standard deviation 1 by its own values, and
       a constant one to zeros; `none` leaves values as they are.
    """

    size: int = 512
    channels: int = 1
    lengths: Lengths = "resample"
    scale: Scale = "series"
    limit: int = 0  # the most steps that the network takes; 0 is any number
    kind: Literal["series"] = "series"

    banded = False
    """As `PreprocessSpec` has it."""

    def with_size(self, size: int) -> SeriesSpec:
        """The same spec with another number of steps."""
        return dataclasses.replace(self, size=size)

    def with_channels(self, channels: int) -> SeriesSpec:
        """The same spec with another number of channels."""
        return dataclasses.replace(self, channels=channels)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form; `from_dict` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SeriesSpec:
        """Inverse of `to_dict`; unknown keys are an error."""
        return cls(**data)

    def read(self, values: npt.NDArray[Any]) -> FloatArray:
        """The numbers (channels, size) of a series (channels, steps).

        Raises:
            ValueError: it has another number of channels, or no step.

        >>> SeriesSpec(size=3, scale="none").read(np.array([[1.0, np.nan, 3.0, 4.0, 5.0]])).tolist()
        [[1.0, 3.0, 5.0]]
        """
        if values.ndim != 2 or values.shape[0] != self.channels or values.shape[1] == 0:
            raise ValueError(f"a series of shape {values.shape}, not ({self.channels}, steps)")
        whole = filled(np.asarray(values, dtype=np.float64))
        whole = self._resized(whole)
        return scaled(whole) if self.scale == "series" else whole.astype(np.float32)

    def _resized(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        steps = values.shape[1]
        if steps == self.size:
            return values
        if self.lengths == "pad":
            short = max(0, self.size - steps)
            return np.pad(values[:, -self.size :], ((0, 0), (0, short)), mode="edge")
        places = np.linspace(0, steps - 1, self.size)
        return np.stack([np.interp(places, np.arange(steps), channel) for channel in values])


def filled(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Values (channels, steps) without missing ones, by the rule of `SeriesSpec`; the same array if none is missing."""
    known = np.isfinite(values)
    if known.all():
        return values
    out = np.zeros_like(values)
    steps = np.arange(values.shape[1])
    for row, channel, there in zip(out, values, known, strict=True):
        if there.any():
            row[:] = np.interp(steps, steps[there], channel[there])
    return out


def scaled(values: npt.NDArray[np.float64]) -> FloatArray:
    """Each channel (channels, steps) with mean 0 and standard deviation 1; a constant one is zeros.

    >>> scaled(np.array([[1.0, 3.0], [5.0, 5.0]])).tolist()
    [[-1.0, 1.0], [0.0, 0.0]]
    """
    mean, std = values.mean(1, keepdims=True), values.std(1, keepdims=True)
    flat = std <= FLAT * np.maximum(np.abs(values).max(1, keepdims=True), 1e-12)
    found: FloatArray = ((values - mean) / np.where(flat, np.inf, std)).astype(np.float32)
    return found
