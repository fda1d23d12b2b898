"""A time series as a small picture in a report: a data URI, so that the page stays one file."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.report.charts.svg import tag

WIDTH, HEIGHT = 96, 64
POINTS = 160
"""Drawn of a channel, at most: of a longer one the lowest and highest value of each stretch."""
COLOURS = ("#1f5fa8", "#c2571a", "#2f8f4e", "#8a4fa3")
"""Of the channels, from the first on; further ones begin again."""


def sparkline(values: npt.NDArray[Any]) -> str:
    """A `data:` URI of an SVG of a series (channels, steps); each channel over the whole height.

    >>> sparkline(np.array([[0.0, 1.0, 0.0]]))[:26]
    'data:image/svg+xml;base64,'
    """
    lines = [
        tag("polyline", points=_points(channel), fill="none", stroke=COLOURS[i % len(COLOURS)], stroke_width=1)
        for i, channel in enumerate(np.asarray(values, dtype=np.float64)[: len(COLOURS)])
    ]
    box = f"0 0 {WIDTH} {HEIGHT}"
    svg = tag("svg", *lines, xmlns="http://www.w3.org/2000/svg", width=WIDTH, height=HEIGHT, viewBox=box)
    return "data:image/svg+xml;base64," + base64.b64encode(str(svg).encode()).decode("ascii")


def _points(channel: npt.NDArray[np.float64]) -> str:
    steps = np.flatnonzero(np.isfinite(channel))
    if len(steps) == 0:
        return ""
    if len(steps) > POINTS:
        parts = np.array_split(steps, POINTS // 2)
        steps = np.unique([i for part in parts for i in (part[channel[part].argmin()], part[channel[part].argmax()])])
    shown = channel[steps]
    low, spread = shown.min(), float(np.ptp(shown)) or 1.0
    x = steps / max(len(channel) - 1, 1) * (WIDTH - 4) + 2
    y = HEIGHT - 4 - (shown - low) / spread * (HEIGHT - 8)
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
