"""`--processes`, and the same command under launchers: one run, told once, whoever works at it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from warmstart.api.fit import fit
from warmstart.recipe.methods import load_recipe

RECIPE = "finetune?epochs=2"
OPTIONS: dict[str, Any] = {"backbone": "toy", "size": 96, "baseline": "none", "budget": "10m", "track": "none"}
"""At 96 px a batch is worth dividing."""


def command(out: Path, *more: str) -> list[str]:
    words = [word for name, value in OPTIONS.items() for word in (f"--{name}", str(value))]
    return ["-m", "warmstart", "fit", "digits", *words, "--recipe", RECIPE, "--out", str(out), "--json", *more]


def environment() -> dict[str, str]:
    source = Path(__file__).parents[2] / "src"
    return {**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONPATH": str(source)}


def run(home: Path, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=home, env=environment(), capture_output=True, text=True, check=False, timeout=300)


def test_a_command_of_two_processes_says_what_one_does(digits_folder: Path, tmp_path: Path) -> None:
    home = digits_folder.parent
    done = run(home, [sys.executable, *command(tmp_path / "both", "--processes", "2")])
    assert done.returncode == 0, done.stderr
    assert "each batch is divided over 2 processes" in done.stderr
    both = json.loads(done.stdout)
    alone = fit(digits_folder, out=tmp_path / "alone", recipe=load_recipe(RECIPE), **OPTIONS)
    assert both["test"]["accuracy"] == json.loads(json.dumps(vars(alone.outcome.test["accuracy"])))
    assert both["evaluated_on"] == alone.outcome.evaluated_on, "and not on twice as many"
    values = [rung["val"]["accuracy"] for rung in both["rungs"] if rung["val"]]
    assert values == [rung.val["accuracy"] for rung in alone.outcome.rungs if rung.val]
    log = [json.loads(line) for line in (tmp_path / "both" / "log.jsonl").read_text().splitlines()]
    assert sum(line["event"] == "Measured" and line["phase"] == "tune" for line in log) == 4, (
        "an epoch, a line; twice two"
    )


LAUNCHERS = {
    "accelerate": ["-m", "accelerate.commands.launch", "--num_processes", "2", "--cpu"],
    "torchrun": ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"],
}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_command_under_a_launcher_is_one_run(digits_folder: Path, tmp_path: Path, launcher: str) -> None:
    words = command(tmp_path / "run")
    done = run(digits_folder.parent, [sys.executable, *LAUNCHERS[launcher], *words])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["folder"] == str(tmp_path / "run")
    assert done.stderr.count("tune: each batch is divided over 2 processes") == 2, "once, and on all labels"


SCRIPT = """
import warmstart
how = {"backbone": "toy", "recipe": "probe", "baseline": "none", "track": "none"}
print(warmstart.fit("digits", out="run", **how).outcome.chosen)
"""


@pytest.mark.slow
def test_a_script_under_a_launcher_is_given_the_result_in_every_process(digits_folder: Path) -> None:
    home = digits_folder.parent
    (home / "script.py").write_text(SCRIPT)
    done = run(home, [sys.executable, *LAUNCHERS["torchrun"], "script.py"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["probe", "probe"]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_an_error_under_a_launcher_is_said_once_and_ends_all(tmp_path: Path, launcher: str) -> None:
    (tmp_path / "digits").mkdir()
    done = run(tmp_path, [sys.executable, *LAUNCHERS[launcher], *command(tmp_path / "run")])
    assert done.returncode != 0
    assert done.stdout.count('"error"') == 1


@pytest.mark.slow
def test_helpers_end_when_their_run_is_killed_and_one_process_goes_on_with_it(
    digits_folder: Path, tmp_path: Path
) -> None:
    home, out = digits_folder.parent, tmp_path / "run"
    words = command(out)
    started = subprocess.Popen(
        [sys.executable, *words, "--processes", "2"],
        cwd=home,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stderr is not None
    for line in started.stderr:
        if "is divided over 2 processes" in line:
            break
    helpers = psutil.Process(started.pid).children()
    assert len(helpers) == 1
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    _, alive = psutil.wait_procs(helpers, timeout=30)
    assert alive == []
    at = words.index("--out")
    done = run(home, [sys.executable, *words[:at], "--resume", str(out), *words[at + 2 :]])
    assert done.returncode == 0, done.stderr
    assert (out / "results.json").exists()
