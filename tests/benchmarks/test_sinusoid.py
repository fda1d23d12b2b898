from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import sinusoid


def test_rows_of_other_methods_stay_if_they_are_of_the_same_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinusoid, "EVALUATED", 20)
    monkeypatch.setenv("WARMSTART_BENCH_CACHE", str(tmp_path / "cache"))

    def methods(name: str, iterations: int) -> list[str]:
        sinusoid.main(["--out", str(tmp_path), "--iterations", str(iterations), "--methods", name])
        return [row["method"] for row in json.loads((tmp_path / "sinusoid.json").read_text())["rows"]]

    assert methods("reptile", 3) == ["reptile"]
    assert methods("maml", 3) == ["maml", "reptile"]
    assert methods("maml", 4) == ["maml"]
    lines = (tmp_path / "sinusoid.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in lines if line.startswith("| ")] == ["| method", "| maml", "| published"]
