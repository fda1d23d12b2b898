"""Shapes of polygons: the box around one, and whether it crosses itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
_BLOCK = 256
"""Edges that are compared with all others at once."""


def bounds(polygons: Sequence[FloatArray]) -> tuple[float, float, float, float]:
    """Left, upper, right and lower edge of polygons (m, 2); not-a-number of none."""
    points = np.concatenate(polygons) if polygons else np.full((1, 2), np.nan)
    (left, upper), (right, lower) = points.min(0).tolist(), points.max(0).tolist()
    return left, upper, right, lower


def crosses_itself(polygon: FloatArray) -> bool:
    """Whether two edges of a polygon (m, 2) cross: each lies on both sides of the other. To touch is not to cross.

    >>> square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    >>> crosses_itself(square), crosses_itself(square[[0, 2, 1, 3]])
    (False, True)
    """
    start, end = polygon, np.roll(polygon, -1, axis=0)
    for first in range(0, len(polygon), _BLOCK):
        a, b = start[first : first + _BLOCK, None], end[first : first + _BLOCK, None]
        apart = _side(a, b, start[None]) * _side(a, b, end[None]) < 0
        around = _side(start[None], end[None], a) * _side(start[None], end[None], b) < 0
        if bool((apart & around).any()):
            return True
    return False


def _side(a: FloatArray, b: FloatArray, point: FloatArray) -> FloatArray:
    """On which side of the line from a to b a point lies: the sign of the cross product."""
    across: FloatArray = np.sign(
        (b[..., 0] - a[..., 0]) * (point[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (point[..., 0] - a[..., 0])
    )
    return across


def run_lengths(code: str) -> list[int] | None:
    """How many pixels each run of COCO's compressed code has, 0 and 1 in turn; `None` if it is none (`rleFrString`).

    To be asked before pycocotools decodes one: of a code that is cut off, that gives what happens to lie in memory.

    >>> run_lengths("51ZU1"), run_lengths("51Z")
    ([5, 1, 1194], None)
    """
    runs: list[int] = []
    value = shift = 0
    for character in code:
        digit = ord(character) - 48
        if not 0 <= digit < 64 or shift > 30:
            return None
        value |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        if digit & 16:
            value -= 1 << shift
        if len(runs) > 2:
            value += runs[-2]
        if value < 0:
            return None
        runs.append(value)
        value = shift = 0
    return runs if shift == 0 else None
