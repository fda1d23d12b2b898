"""Run-length codes and polygons."""

from __future__ import annotations

import numpy as np
import pytest

from warmstart.data.outlines import bounds, crosses_itself, run_lengths

mask = pytest.importorskip("pycocotools.mask")


def test_run_lengths_are_those_that_pycocotools_wrote() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        pixels = np.asfortranarray((rng.random((30, 40)) < rng.random()).astype(np.uint8))
        column = pixels.T.reshape(-1)
        ends = np.r_[-1, np.flatnonzero(np.diff(column)), column.size - 1]
        runs = [*([0] if column[0] else []), *np.diff(ends).tolist()]
        assert run_lengths(mask.encode(pixels)["counts"].decode()) == runs


@pytest.mark.parametrize("code", ["\n", "~~", "ooooooooo", "5Z", "O"])
def test_what_is_no_code_is_none(code: str) -> None:
    assert run_lengths(code) is None


def test_long_polygons_are_looked_at_in_blocks() -> None:
    angle = np.linspace(0, 2 * np.pi, 700, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert not crosses_itself(circle)
    assert crosses_itself(circle[[*range(500), 501, 500, *range(502, 700)]])
    assert not crosses_itself(np.concatenate([circle, circle[:1]]))  # closed by its first point
    assert bounds([circle]) == pytest.approx((-1, -1, 1, 1), abs=1e-4)
