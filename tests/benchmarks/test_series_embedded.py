"""The benchmark of the embedded backbone of series, on a set that is made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks.series import lines
from benchmarks.series_embedded import WHAT, main, table


def row(name: str, what: str, accuracy: float) -> dict[str, object]:
    return {"set": name, "what": what, "seed": 0, "accuracy": accuracy}


def test_the_table_has_the_sets_for_which_all_is_known_and_says_who_is_better() -> None:
    rows = [row("a", what, value) for what, value in zip(WHAT, (0.9, 0.8, 0.95), strict=True)]
    rows += [row("b", what, value) for what, value in zip(WHAT, (0.7, 0.7, 0.8), strict=True)]
    rows += [row("c", "embedded", 0.1), {**row("a", "embedded", 0.0), "seed": 1}]
    text = table(rows)
    assert "| a | 0.900 | 0.800 | 0.950 |" in text
    assert "| c |" not in text
    assert "| mean of 2 | 0.800 | 0.750 | 0.875 |" in text
    assert (
        "against random weights: +5.0 points (standard error over sets 5.0), 1 better, 1 equal, 0 worse of 2." in text
    )
    assert "against MiniRocket: -7.5 points" in text


def test_what_was_computed_is_not_computed_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "sets" / "Waves"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, n in (("TRAIN", 12), ("TEST", 20)):
        rows = [[i % 2, *np.sin(np.arange(40) * (0.2 + 0.5 * (i % 2))) + rng.normal(0, 0.1, 40)] for i in range(n)]
        np.savetxt(folder / f"Waves_{part}.tsv", rows, delimiter="\t")
    words = ["--data", str(tmp_path / "sets"), "--out", str(tmp_path / "out"), "--what", "random"]
    main(words)
    (found,) = lines(tmp_path / "out")
    assert found["accuracy"] > 0.9
    capsys.readouterr()
    main(words)
    assert "Waves random" not in capsys.readouterr().out
    assert len(lines(tmp_path / "out")) == 1
