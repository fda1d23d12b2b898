"""The same seed gives the same weights in two processes, each with a cache of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.determinism import apart, run


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["three phases", "digits", "texts", "series", "masks"])
def test_two_processes_ship_the_same_weights(kind: str, tmp_path: Path) -> None:
    for name in ("run", "again"):
        run(kind, {}, tmp_path / name)
    found = apart(tmp_path / "run", tmp_path / "again")
    assert found["identical"]
    assert found["chosen"][0] == found["chosen"][1]
