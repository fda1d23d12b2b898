"""Series in a report are pictures that a browser can draw."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from warmstart.report.sparkline import COLOURS, HEIGHT, POINTS, WIDTH, sparkline


def lines(values: NDArray[np.float64]) -> list[list[tuple[float, float]]]:
    """The points of each line of the picture."""
    root = ElementTree.fromstring(base64.b64decode(sparkline(values).split(",")[1]))
    points = [line.get("points", "") for line in root.iter("{http://www.w3.org/2000/svg}polyline")]
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in line.split())] for line in points]


def test_each_channel_is_a_line_within_the_picture() -> None:
    drawn = lines(np.random.default_rng(0).normal(size=(2, 50)))
    assert [len(line) for line in drawn] == [50, 50]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for line in drawn for x, y in line)


def test_of_a_long_series_a_spike_is_still_seen() -> None:
    values = np.zeros((1, 100_000))
    values[0, 54_321] = 1.0
    (line,) = lines(values)
    assert len(line) <= POINTS
    assert min(y for _, y in line) < HEIGHT / 4


def test_missing_values_constant_series_and_many_channels_are_drawn() -> None:
    assert lines(np.full((1, 5), np.nan)) == [[]]
    assert len(lines(np.ones((1, 5)))[0]) == 5
    assert len(lines(np.ones((9, 5)))) == len(COLOURS)
