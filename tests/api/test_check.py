"""`check` of texts, from Python and from the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.data.conftest import tree_hash
from warmstart.api.check import check
from warmstart.cli.main import app


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
