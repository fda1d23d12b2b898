"""`similarity` from folders, tables and arrays to the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps
from typer.testing import CliRunner

from tests.api.helpers import contents
from warmstart.api.similarity import SimilarityResult, similarity
from warmstart.cli.main import app
from warmstart.engine.events import Decided, Event
from warmstart.errors import DataError, RunError, WarmstartError


@pytest.fixture(scope="module")
def folders(_digits_once: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The digits, labelled, and the same inverted in one flat folder, one of them damaged; a name is HTML."""
    flat = tmp_path_factory.mktemp("sets") / "<b>inverted"
    flat.mkdir()
    for path in _digits_once.rglob("*.png"):
        ImageOps.invert(Image.open(path)).save(flat / f"{path.parent.name}-{path.name}")
    (flat / "broken.png").write_bytes(b"no image")
    return _digits_once, flat


@pytest.fixture(scope="module")
def told() -> list[Event]:
    return []


@pytest.fixture(scope="module")
def result(folders: tuple[Path, Path], told: list[Event], tmp_path_factory: pytest.TempPathFactory) -> SimilarityResult:
    place = tmp_path_factory.mktemp("similarity")
    before = [contents(folder) for folder in folders]
    found = similarity(
        *folders, backbone="toy", out=place / "run", cache=place / "cache", limit=500, listener=told.append
    )
    assert [contents(folder) for folder in folders] == before
    return found


def test_inverted_digits_are_told_from_digits(result: SimilarityResult) -> None:
    outcome = result.outcome
    assert (outcome.a.used, outcome.b.used, outcome.b.unreadable) == (60, 60, outcome.b.unreadable)
    assert [Path(i).name for i in outcome.b.unreadable] == ["broken.png"]
    assert outcome.a.classes == ("0", "1", "2")
    assert outcome.b.classes == ()
    assert outcome.found.strength == "strong"
    assert [row.name for row in outcome.found.blocks] == ["stem", "stages.0", "stages.1", "features"]


def test_what_was_decided_is_told_and_kept(result: SimilarityResult, told: list[Event]) -> None:
    texts = [event.text for event in told if isinstance(event, Decided)]
    assert list(result.outcome.decisions) == texts
    assert any(text.startswith("B is read without labels") for text in texts)
    assert any("1 of 61 images cannot be read" in text for text in texts)


def test_the_page_and_the_data_say_the_same(result: SimilarityResult) -> None:
    page = result.report.read_text()
    facts = json.loads((result.folder / "results.json").read_text())
    assert facts["found"]["verdict"] == result.outcome.found.verdict
    assert facts["found"]["verdict"].split("(`")[0] in page
    assert "<b>inverted" not in page
    assert "&lt;b&gt;inverted" in page
    for m in result.outcome.found.measures:
        assert m.title in page
    assert "it compares labelled sets" in page
    assert not any(word in page for word in ("<script", "http://", "https://"))


def test_a_set_against_itself_is_no_shift(folders: tuple[Path, Path], tmp_path: Path) -> None:
    again = similarity(folders[0], folders[0], backbone="toy", out=tmp_path / "run", cache=tmp_path / "cache")
    assert again.outcome.found.strength == "none shown"
    value = again.outcome.found.measure("cosine").interval
    assert value is not None
    assert value.value == pytest.approx(1)


def test_arrays_with_and_without_labels_are_drawn_down_to_the_limit(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32), dtype=np.uint8)
    found = similarity(
        (images, ["a", "b"] * 20), images[:30], backbone="toy", limit=25, out=tmp_path / "run", cache=tmp_path / "cache"
    ).outcome
    assert [(s.samples, s.used) for s in (found.a, found.b)] == [(40, 25), (30, 25)]
    assert found.found.samples == (25, 25)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"b": "nowhere"}, DataError, "there is no nowhere"),
        ({"limit": 1}, WarmstartError, "limit 1"),
        ({"max_unreadable": 0.0}, DataError, "1 of 61 images cannot be read"),
        ({"out": "."}, RunError, "exists already"),
    ],
)
def test_what_cannot_be_done_is_an_error_in_words(
    folders: tuple[Path, Path], tmp_path: Path, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    asked = {"a": folders[0], "b": folders[1], "backbone": "toy", "out": tmp_path / "run", "cache": tmp_path, **options}
    with pytest.raises(error, match=words):
        similarity(**asked)
    assert not (tmp_path / "run").exists()


def test_the_command_prints_measures_readings_and_a_verdict(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["similarity", *map(str, folders), "--backbone", "toy", "--limit", "40"]
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 0
    assert "a linear classifier tells the two apart in" in ran.stdout
    assert "no Fréchet distance: 50 samples of each set are needed, not 40" in ran.stdout
    assert "says little about how well a network carries over" in ran.stdout
    assert (tmp_path / "runs" / "digits-vs-<b>inverted-001" / "report.html").is_file()
    as_json = CliRunner().invoke(app, [*words, "--json"])
    assert json.loads(as_json.stdout)["found"]["strength"] == "strong"


def test_rows_without_a_label_are_left_out_where_that_is_asked(tmp_path: Path) -> None:
    table = tmp_path / "said.csv"
    table.write_text("text,label\n" + "".join(f"Number {i} is here.,{'ab'[i % 2] if i else ''}\n" for i in range(21)))
    options: dict[str, Any] = {"backbone": "minilm", "size": 16, "cache": tmp_path / "cache"}
    with pytest.raises(DataError, match="row 1: the label is empty"):
        similarity(table, table, out=tmp_path / "stopped", **options)
    found = similarity(table, table, on_missing="skip", out=tmp_path / "run", **options)
    assert (found.outcome.a.used, found.outcome.b.used) == (20, 20)
