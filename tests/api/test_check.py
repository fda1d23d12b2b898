"""`check` of texts, from Python and from the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.data.conftest import tree_hash
from warmstart.api.check import check
from warmstart.cli.main import app
from warmstart.errors import DataError


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "a.csv"
    path.parent.mkdir()
    rows = [f"\x1b[31mWhat is said in [b]text[/b] number {i} of class {i % 2}.,x{i},{i % 2}\n" for i in range(20)]
    path.write_text("foo,bar,label\n" + "".join(rows))
    return path


def test_check_counts_texts_and_draws_none(table: Path, tmp_path: Path) -> None:
    before = tree_hash(table.parent)
    found = check(table, picture=tmp_path / "p.png")
    assert (found.noun, found.counts, found.parts) == ("text", {"0": 10, "1": 10}, {"train": 12, "val": 4, "test": 4})
    assert not (tmp_path / "p.png").exists()
    assert check(table, text_column="bar").sizes["largest"] == [3, 1]
    assert tree_hash(table.parent) == before


def test_rows_without_a_label_are_left_out_where_that_is_asked(table: Path) -> None:
    table.write_text(table.read_text() + "Nothing is known of this.,x20,\n")
    with pytest.raises(DataError, match="row 21: the label is empty"):
        check(table)
    found = check(table, on_missing="skip")
    assert found.samples == 20
    assert any("1 row(s) are left out: row 21" in problem for problem in found.problems)


def test_the_command_shows_some_texts_of_each_class_made_safe(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(table.parent.parent)
    result = CliRunner().invoke(app, ["check", str(table)])
    assert result.exit_code == 0
    assert "\n0:\n  �[31mWhat is said in [b]text[/b] number 0 of class 0.\n" in result.stdout
    assert "texts    20: train 12, val 4, test 4\nsizes    smallest 53 characters, 10 word(s)" in result.stdout
    assert "scripts  Latin 20\n" in result.stdout
    assert "picture" not in result.stdout
    as_json = CliRunner().invoke(app, ["check", str(table), "--text-column", "bar", "--json"])
    document = json.loads(as_json.stdout)
    assert (document["noun"], document["picture"], document["examples"]["0"][0]) == ("text", None, "x0")
    assert [path.name for path in table.parent.parent.iterdir()] == ["data"]


ROWS = [
    {"text": f"What is said in text number {i}.", "labels": ["a", "b"] if i % 2 else ["b"], "score": i / 7}
    for i in range(20)
]


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["check", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    return tmp_path


def test_the_command_counts_sets_of_labels_and_numbers(home: Path) -> None:
    said = run("rows.jsonl")
    assert [line.split() for line in said.splitlines()[1:4]] == [["label", "texts"], ["a", "10"], ["b", "20"]]
    assert "labels   1.5 per text on average, 2 at most; 0 text(s) have none; 2 different sets" in said
    said = run("rows.jsonl", "--label-column", "score", "--task", "regress")
    assert "number  min  lower quartile  median" in said
    assert "score   0    0.678571        1.35714" in said
    assert "0 to 0.571429:\n  0: What is said in text number 0." in said
    found = check(home / "rows.jsonl", label_column="score", task="regress")
    document = json.loads(run("rows.jsonl", "--label-column", "score", "--task", "regress", "--json"))
    assert document["task"] == found.task == "regress"
    assert document["facts"]["score"]["max"] == found.facts["score"]["max"] == 19 / 7


def test_the_command_counts_entities_and_texts_to_be_written(home: Path) -> None:
    lines = "".join(f"Ada{i} B-PER\nsang{i} O\n\n" for i in range(20))
    (home / "a.conll").write_text(lines)
    (home / "b.txt").write_text(lines)
    for said in (run("a.conll"), run("b.txt", "--task", "tag")):
        assert [line.split() for line in said.splitlines()[1:3]] == [["entity", "found"], ["PER", "20"]]
        assert "words    40 in 20 texts, 0 without an entity" in said
        assert "PER:\n  Ada0: Ada0 sang0\n" in said
    said = run("rows.jsonl", "--task", "generate", "--label-column", "score")
    assert "inputs   7 to 7 words, typically 7\ntargets  1 to 1 words, typically 1" in said
    assert "What is said in text number 0. -> 0\n" in said


def test_a_task_that_does_not_fit_is_told(home: Path) -> None:
    result = CliRunner().invoke(app, ["check", "rows.jsonl", "--task", "classify"])
    assert result.exit_code == 2
    assert "row 1: the label 'labels' is a list" in " ".join(result.stderr.split())
    assert "--task multilabel" in result.stderr
    assert not list(home.glob("*.png"))
