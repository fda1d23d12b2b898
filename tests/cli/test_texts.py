"""The commands on texts: from a table on disk to answers, what they suggest, and what they say of images instead."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.model.text.tiny import save
from tests.newsroom import as_csv, as_folder, news
from warmstart.cli.main import app

COLUMNS = ("--text-column", "body", "--label-column", "desk")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"hf:{save(tmp_path_factory.mktemp('tiny'))}"


@pytest.fixture
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to work in, with a table and a folder of texts."""
    as_csv(tmp_path / "news.csv", news(), ("body", "desk"))
    as_csv(tmp_path / "new.csv", news(2, seed=9), ("body", "desk"))
    as_folder(tmp_path / "notes", news(4))
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def words_of(line: str) -> dict[str, str]:
    """The options of a command line, by name."""
    typed = shlex.split(line)
    return {word: typed[i + 1] for i, word in enumerate(typed[:-1]) if word.startswith("--")}


@pytest.mark.usefixtures("_home")
def test_a_table_is_fitted_and_others_are_answered_as_it_is_said() -> None:
    done = run("fit", "news.csv", *COLUMNS, "--recipe", "probe", "--out", "run")
    assert done.exit_code == 0, done.output
    (said,) = [line for line in done.output.splitlines() if line.startswith("predict ")]
    assert said.split(maxsplit=1)[1] == "warmstart predict run/bundle TEXTS.csv --out answers.csv"
    answered = run("predict", "run/bundle", "new.csv", "--text-column", "body", "--out", "answers.csv", "--json")
    assert json.loads(answered.stdout)["answered"] == len(desks := [desk for _, desk in news(2, seed=9)])
    with Path("answers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == desks
    assert Path("answers.csv").read_text().splitlines()[0] == (
        "input,label,probability,unknown,distance,p(money),p(music),p(sport),error"
    )
    refused = run("predict", "run/bundle", "new.csv", "--text-column", "desc")
    assert refused.exit_code == 2
    assert "no column 'desc' for the text" in refused.output
    assert "'desk'" in refused.output


@pytest.mark.usefixtures("_home")
def test_compare_suggests_a_fit_of_the_same_columns_and_size(tiny: str) -> None:
    typed = [*COLUMNS, "--size", "16", "--seed", "3"]
    done = run("compare", "news.csv", *typed, "--methods", "probe", "--folds", "2", "--backbones", tiny, "--out", "run")
    assert done.exit_code == 0, done.output
    (said,) = [line for line in done.output.splitlines() if line.startswith("go on ")]
    assert said.removeprefix("go on").split()[:3] == ["warmstart", "fit", "news.csv"]
    asked = {"--text-column": "body", "--label-column": "desk", "--size": "16", "--seed": "3"}
    assert words_of(said) == asked | {"--recipe": "probe", "--backbone": tiny}


@pytest.mark.usefixtures("_home")
def test_recommend_shows_texts_and_tokens_and_suggests_a_fit_of_the_same_columns(tiny: str) -> None:
    done = run("recommend", "news.csv", *COLUMNS, "--backbones", tiny, "--budget", "5s", "--out", "run")
    assert done.exit_code == 0, done.output
    header = next(line for line in done.output.splitlines() if line.startswith("backbone "))
    assert re.split(r"\s{2,}", header)[2:4] == ["texts", "tokens"]
    assert "ms per text" in header
    (said,) = [line for line in done.output.splitlines() if line.startswith("go on ")]
    assert words_of(said).items() >= {"--text-column": "body", "--label-column": "desk", "--backbone": tiny}.items()


@pytest.mark.usefixtures("_home")
@pytest.mark.parametrize(
    ("words", "found", "do"),
    [
        (["fit", "news.csv", "--backbone", "toy"], "news.csv: texts are found", "such as minilm"),
        (["plan", "notes", "--recipe", "probe", "--backbone", "toy"], "notes: texts are found", "such as minilm"),
        (["fit", "digits", "--backbone", "minilm"], "digits: images are found", "such as lite0"),
        (["fit", "digits", "--text-column", "body"], "digits is a folder", "leave the column options out"),
        (["check", "paths.csv", "--text-column", "image"], "holds the names of images", "--path-column"),
    ],
)
def test_what_is_of_the_other_kind_is_said_with_what_to_do(
    words: list[str], found: str, do: str, digits_folder: Path
) -> None:
    paths = [(path.as_posix(), path.parent.name) for path in sorted(digits_folder.rglob("*.png"))]
    as_csv(Path("paths.csv"), paths, ("image", "desk"))
    refused = run(*words)
    assert refused.exit_code == 2
    assert re.search(f"error: .*{found}", refused.output), refused.output
    assert re.search(f"what to do: .*{do}", refused.output), refused.output


QUIET = """
import contextlib, sys
from warmstart.cli.main import main

sys.argv = ["warmstart", "recipes", "probe"]
with contextlib.suppress(SystemExit):
    main()

import transformers

transformers.logging.get_logger("transformers.modeling_utils").warning("of no use to who reads texts with it")
"""


def test_warnings_of_transformers_are_not_heard_in_a_command() -> None:
    """In a process of its own: its setting is read when it is first imported."""
    env = {key: value for key, value in os.environ.items() if key != "TRANSFORMERS_VERBOSITY"}
    done = subprocess.run([sys.executable, "-c", QUIET], capture_output=True, text=True, env=env, check=True)
    assert "name: probe" in done.stdout
    assert done.stderr == ""
