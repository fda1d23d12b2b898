"""A bundle that was trained on windows answers recordings window by window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import warmstart
from warmstart.errors import DataError


def test_recordings_on_disk_are_answered_window_by_window_and_never_squeezed(tmp_path: Path) -> None:
    rng, time = np.random.default_rng(0), np.arange(400) / 50
    for kind, pace in (("walk", 1.8), ("run", 2.9)):
        (tmp_path / "gym" / kind).mkdir(parents=True)
        for number in range(5):
            wave = np.sin(2 * np.pi * pace * time + rng.uniform(0, 6))
            frame = pd.DataFrame({"x": wave, "y": rng.normal(size=400)}) + 0.1 * rng.normal(size=(400, 1))
            frame.to_csv(tmp_path / "gym" / kind / f"{number}.csv", index=False)
    how = {"backbone": "toy_series", "recipe": "probe", "baseline": "none", "cache": tmp_path / "cache"}
    result = warmstart.fit(tmp_path / "gym", window="2s", rate=50, out=tmp_path / "run", **how)  # type: ignore[arg-type]
    recording = tmp_path / "gym" / "run" / "0.csv"
    rows = warmstart.predict(result.bundle, recording, window=100)
    assert [row["input"] for row in rows] == [f"{recording}[{at}:{at + 100}]" for at in range(0, 400, 100)]
    assert {row["label"] for row in rows} == {"run"}
    with pytest.raises(DataError, match=r"0\.csv has 400 steps, and the model was trained on windows of 100"):
        warmstart.predict(result.bundle, recording)
    (one,) = warmstart.predict(result.bundle, [np.zeros((2, 100))])
    assert one["error"] is None
