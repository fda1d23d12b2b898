import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from warmstart.errors import RunError
from warmstart.evaluation.outcome import CurveRow, Outcome
from warmstart.report.results import read_results, write_results


def test_an_outcome_survives_the_round_trip_exactly(outcome: Outcome, tmp_path: Path) -> None:
    assert read_results(write_results(outcome, tmp_path / "results.json"), Outcome) == outcome


def test_results_are_plain_json_also_when_a_loss_diverged(outcome: Outcome, tmp_path: Path) -> None:
    row = CurveRow("tune", 1, 1, {"train_loss": math.nan, "val_loss": math.inf})
    rungs = (dataclasses.replace(outcome.rungs[0], curve=(row,)),)
    path = write_results(dataclasses.replace(outcome, rungs=rungs), tmp_path / "results.json")
    json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    values = read_results(path, Outcome).rungs[0].curve[0].values
    assert math.isnan(values["train_loss"])
    assert values["val_loss"] == math.inf


def test_numbers_of_numpy_become_plain_numbers(outcome: Outcome, tmp_path: Path) -> None:
    odd = dataclasses.replace(outcome, seed=np.int64(3), environment={"cores": np.int32(2), "root": Path("a/b")})  # type: ignore[arg-type]
    again = read_results(write_results(odd, tmp_path / "results.json"), Outcome)
    assert again.seed == 3
    assert again.environment == {"cores": 2, "root": str(Path("a/b"))}


@pytest.mark.parametrize("content", ["", "[]", "{", '{"format": "other/9"}', '{"format": "warmstart-results/1"}'])
def test_a_damaged_file_is_an_error_that_names_it(content: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(RunError, match=r"results\.json"):
        read_results(path, Outcome)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be read"):
        read_results(tmp_path / "none.json", Outcome)


def test_a_write_that_fails_keeps_the_file_that_was_there(
    outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_results(outcome, tmp_path / "results.json")
    before = path.read_bytes()

    def full(fd: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_results(dataclasses.replace(outcome, seed=9), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
