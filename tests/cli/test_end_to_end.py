"""The commands one after another, in processes of their own, as a person types them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def home(tmp_path: Path, digits_folder: Path) -> Path:
    return digits_folder.parent


def warmstart(home: Path, *words: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "warmstart.cli.main", *words, "--json"],
        cwd=home,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_check_plan_fit_predict_and_evaluate_work_and_leave_the_data_as_it_was(home: Path) -> None:
    before = contents(home / "digits")

    assert warmstart(home, "check", "digits")["counts"] == {"0": 20, "1": 20, "2": 20}
    assert (home / "warmstart-check-digits.png").is_file()

    options = ("--backbone", "toy", "--recipe", "probe")
    assert warmstart(home, "plan", "digits", *options)["recipe"] == "probe"

    fitted = warmstart(home, "fit", "digits", *options, "--baseline", "none", "--budget", "30s")
    assert fitted["chosen"] == "probe"
    assert (home / fitted["report"]).is_file()

    told = warmstart(home, "predict", fitted["bundle"], "digits/1", "--out", "answers.csv")
    assert (told["out"], told["inputs"], told["answered"]) == ("answers.csv", 20, 20)
    rows = warmstart(home, "predict", fitted["bundle"], "digits/1")
    assert [row["input"] for row in rows] == sorted(f"digits/1/{path.name}" for path in (home / "digits/1").iterdir())
    assert sum(row["label"] == "1" for row in rows) >= 15
    assert len((home / "answers.csv").read_text().splitlines()) == 21

    measured = warmstart(home, "evaluate", fitted["bundle"], "digits")
    assert measured["n"] == 60
    assert measured["metrics"]["accuracy"]["value"] > 0.8

    assert contents(home / "digits") == before
