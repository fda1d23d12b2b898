"""Answers for any number of inputs: every form of them, every form of file, and what an interruption leaves."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.api.helpers import contents
from warmstart.api.fit import FitResult
from warmstart.api.predict import predict
from warmstart.api.predicting import journal
from warmstart.api.predicting.tables import WrittenRows
from warmstart.data.sources.given import Given
from warmstart.engine.events import Decided, Event
from warmstart.errors import DataError, RunError, WarmstartError


@pytest.fixture
def files(digits_folder: Path) -> list[Path]:
    """Sixty images, one of which is torn."""
    found = sorted(digits_folder.rglob("*.png"))
    found[17].write_bytes(found[17].read_bytes()[:70])
    return found


def labels(rows: Sequence[dict[str, Any]]) -> list[Any]:
    return [row["label"] for row in rows]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_file_of_any_form_says_what_is_told_without_one(
    fitted: FitResult, files: list[Path], tmp_path: Path, ending: str
) -> None:
    told = predict(fitted.bundle, files)
    rows = predict(fitted.bundle, files, out=tmp_path / f"answers.{ending}")
    assert isinstance(rows, WrittenRows)
    assert (rows.counts.answered, rows.counts.unreadable) == (59, 1)
    assert [row["input"] for row in rows] == [row["input"] for row in told]
    assert [row["label"] or None for row in rows] == labels(told)
    assert list((tmp_path).iterdir()) != []
    assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob("*.journal"))
    if ending == "jsonl":
        assert list(rows) == list(told)
        assert rows[-1] == told[-1]
        assert rows[:2] == list(told)[:2]
    if ending == "parquet":
        frame = pd.read_parquet(tmp_path / "answers.parquet")
        assert frame["p(1)"].dtype == float
        assert frame["p(1)"].tolist()[:5] == pytest.approx([row["probabilities"]["1"] for row in told[:5]])
        assert frame["unknown"].tolist()[17] is None


def test_patterns_tables_and_lines_name_the_same_images_as_a_folder(
    fitted: FitResult, digits_folder: Path, tmp_path: Path
) -> None:
    told = predict(fitted.bundle, digits_folder)
    ids = [row["input"] for row in told]
    table = pd.DataFrame({"site": range(len(ids)), "path": ids, "label": "?"})
    table.to_csv(tmp_path / "images.csv", index=False)
    table.to_parquet(tmp_path / "images.parquet")
    table.to_json(tmp_path / "images.jsonl", orient="records", lines=True)
    lines = io.BytesIO("\n".join(ids).encode())
    objects = io.BytesIO((tmp_path / "images.jsonl").read_bytes())
    named = [tmp_path / f"images.{ending}" for ending in ("csv", "parquet", "jsonl")]
    for given in (f"{digits_folder}/**/*.png", lines, objects, iter(ids), table, *named):
        rows = predict(fitted.bundle, given)
        assert [row["input"] for row in rows] == ids, given
        assert labels(rows) == labels(told)
    kept = predict(fitted.bundle, named[0], keep="site,label", out=tmp_path / "kept.csv")
    assert [row["site"] for row in kept] == [str(i) for i in range(len(ids))]
    assert {row["label (kept)"] for row in kept} == {"?"}
    assert predict(fitted.bundle, named[1], keep="site")[3]["kept"] == {"site": "3"}


def test_paths_in_a_table_begin_where_it_lies(fitted: FitResult, digits_folder: Path) -> None:
    image = sorted((digits_folder / "1").iterdir())[0]
    (digits_folder / "new.csv").write_text(f"file\n1/{image.name}\n\ngone.png\n", encoding="utf-8-sig")
    rows = predict(fitted.bundle, digits_folder / "new.csv")
    assert [row["error"] is None for row in rows] == [True, False]
    assert predict(fitted.bundle, digits_folder / "new.csv", on_error="skip") == [rows[0]]
    with pytest.raises(WarmstartError, match="gone"):
        predict(fitted.bundle, digits_folder / "new.csv", on_error="stop")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("a,b\n1,2\n", "no column of the table is known to hold the path"),
        ("path,path\na.png,b.png\n", "occur more than once"),
        ("path,x\na.png\n", "row 1 .line 2. has 1 cells"),
        ("path\n", "no rows"),
        ('path\n"a.png\nb.png\n', "row 1"),
        ("path,t\na.png," + "x" * 1_100_000 + "\n", "row 1"),
    ],
)
def test_a_table_that_does_not_fit_is_an_error_that_names_the_row(
    fitted: FitResult, tmp_path: Path, table: str, said: str
) -> None:
    (tmp_path / "new.csv").write_text(table)
    before = contents(tmp_path)
    with pytest.raises(DataError, match=said):
        predict(fitted.bundle, tmp_path / "new.csv", out=tmp_path / "answers.csv")
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("inputs", "options", "said"),
    [
        ("none/**/*.png", {}, "no file matches"),
        ("gone.csv", {}, "there is no table gone.csv"),
        (["a.png"], {"keep": "id"}, "the inputs are no table"),
        (["a.png"], {"out": "answers.xlsx"}, "says no form"),
        (["a.png"], {"resume": True}, "no table is written"),
        (["a.png"], {"abstain_below": 1.5}, "abstain_below is 1.5"),
        (["a.png"], {"least_score": 0.5}, "least_score or tile"),
        (io.BytesIO(b'{"path": "a.png"}\nno json\n'), {}, "line 2 is no JSON"),
        (io.BytesIO(b""), {}, "no input was given"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_answered(
    fitted: FitResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inputs: Any, options: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=said):
        predict(fitted.bundle, inputs, **options)
    assert not list(tmp_path.iterdir())


def test_answers_that_are_not_sure_are_left_out_and_what_is_left_is_told(
    fitted: FitResult, digits_folder: Path, tmp_path: Path
) -> None:
    told: list[Event] = []
    plain = predict(fitted.bundle, digits_folder)
    least = sorted(row["probability"] for row in plain)[20]
    rows = predict(fitted.bundle, digits_folder, abstain_below=least, listener=told.append)
    for row, before in zip(rows, plain, strict=True):
        assert row["probability"] == before["probability"]
        assert row["abstained"] == (before["probability"] < least)
        assert row["label"] == (None if row["abstained"] else before["label"])
    assert sum(row["abstained"] for row in rows) == 20
    written = predict(fitted.bundle, digits_folder, abstain_below=least, out=tmp_path / "a.csv")
    assert isinstance(written, WrittenRows)
    assert (written.counts.answered, written.counts.abstained) == (40, 20)
    (said,) = [event for event in told if isinstance(event, Decided) and "validation samples" in event.text]
    assert 0 < said.details["coverage"] <= 1
    assert said.details["samples"] == len(fitted.outcome.confusion) or said.details["samples"] > 0


def test_a_row_that_is_mended_lets_the_call_go_on(
    fitted: FitResult, digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warmstart.data.sources.chunks.ROWS", 16)
    monkeypatch.setattr("warmstart.api.predicting.loop.LOOKED_AHEAD", 16)
    table, out = tmp_path / "new.csv", tmp_path / "answers.jsonl"
    whole = "".join(f"{path.as_posix()},x\n" for path in sorted(digits_folder.rglob("*.png")) * 4)
    table.write_text(f"path,note\n{whole}a.png\n")
    with pytest.raises(DataError, match="row 241"):
        predict(fitted.bundle, table, out=out, batch_size=16)
    table.write_text(f"path,note\n{whole}a.png,y\n")
    rows = predict(fitted.bundle, table, out=out, resume=True, batch_size=16)
    assert isinstance(rows, WrittenRows)
    assert (rows.counts.answered, rows.counts.unreadable) == (240, 1)
    with pytest.raises(RunError, match="exists already, and no call that was interrupted"):
        predict(fitted.bundle, table, out=out, resume=True, batch_size=16)


class _Killed(BaseException):
    pass


def test_a_call_that_was_killed_goes_on_to_the_same_bytes_and_answers_nothing_twice(
    fitted: FitResult, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict(fitted.bundle, files, out=tmp_path / "whole.csv", batch_size=4)
    monkeypatch.setattr(journal, "EVERY", 0.0)
    add, answered = journal.Journal.add, list[str]()
    chance = random.Random(0)

    def torn(self: journal.Journal, some: Sequence[tuple[Given, dict[str, Any]]], **options: Any) -> None:
        add(self, some, **options)
        answered.extend(given.sample.id for given, _ in some)
        if chance.random() < 0.3:
            with self.part.open("ab") as file:
                file.write(b'{"input": "half a ro')
            raise _Killed

    monkeypatch.setattr(journal.Journal, "add", torn)
    kills = 0
    while True:
        try:
            rows = predict(fitted.bundle, files, out=tmp_path / "answers.csv", batch_size=4, resume=True)
            break
        except _Killed:
            kills += 1
            assert not (tmp_path / "answers.csv").exists()
    assert kills >= 2
    assert answered == [path.as_posix() for path in files]
    assert len(rows) == 60
    assert (tmp_path / "answers.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["answers.csv", "whole.csv"]


def test_what_was_interrupted_is_neither_overwritten_nor_mixed_with_other_answers(
    fitted: FitResult, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "EVERY", 0.0)
    add = journal.Journal.add

    def torn(self: journal.Journal, some: Sequence[tuple[Given, dict[str, Any]]], **options: Any) -> None:
        add(self, some, **options)
        raise _Killed

    out = tmp_path / "answers.csv"
    monkeypatch.setattr(journal.Journal, "add", torn)
    with pytest.raises(_Killed):
        predict(fitted.bundle, files, out=out, batch_size=8)
    monkeypatch.setattr(journal.Journal, "add", add)
    left = contents(tmp_path)
    with pytest.raises(RunError, match="8 answers of a call that was interrupted"):
        predict(fitted.bundle, files, out=out, batch_size=8)
    with pytest.raises(RunError, match="batch_size was 8, and is 4"):
        predict(fitted.bundle, files, out=out, batch_size=4, resume=True)
    with pytest.raises(RunError, match="first 8 inputs are others"):
        predict(fitted.bundle, files[1:], out=out, batch_size=8, resume=True)
    other = Path(shutil.copytree(fitted.bundle, tmp_path.parent / f"{tmp_path.name}-other"))
    facts = json.loads((other / "bundle.json").read_text())
    (other / "bundle.json").write_text(json.dumps(facts))  # the same facts in another form: another bundle
    with pytest.raises(RunError, match="bundle was"):
        predict(other, files, out=out, batch_size=8, resume=True)
    assert contents(tmp_path) == left
    os.utime(files[3], (1, 1))
    with pytest.raises(RunError, match="others than those"):
        predict(fitted.bundle, files, out=out, batch_size=8, resume=True)
    out.write_text("mine")
    with pytest.raises(RunError, match="exists already"):
        predict(fitted.bundle, files, out=out, batch_size=8, resume=True)
    assert out.read_text() == "mine"


@pytest.mark.slow
def test_a_process_that_is_killed_at_random_moments_ends_in_the_same_bytes(
    fitted: FitResult, files: list[Path], tmp_path: Path
) -> None:
    table = tmp_path / "images.csv"
    pd.DataFrame({"path": [str(path) for path in files] * 100}).to_csv(table, index=False)
    predict(fitted.bundle, table, out=tmp_path / "whole.csv", batch_size=8)
    code = (
        "import sys; from warmstart.api.predicting import journal; journal.EVERY = 0.0; print('ready', flush=True)\n"
        "from warmstart.api.predict import predict\n"
        "predict(sys.argv[1], sys.argv[2], out=sys.argv[3], batch_size=8, resume=True)"
    )
    words = [sys.executable, "-c", code, str(fitted.bundle), str(table), str(tmp_path / "answers.csv")]
    part, chance, killed = tmp_path / "answers.csv.part", random.Random(1), 0
    for _ in range(40):
        process = subprocess.Popen(words, stdout=subprocess.PIPE)
        size = part.stat().st_size if part.exists() else 0
        while process.poll() is None and killed < 4 and not (part.exists() and part.stat().st_size > size):
            time.sleep(0.02)
        time.sleep(chance.random() / 2)
        if killed < 4 and process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        if process.wait() == 0:
            break
    assert killed >= 2
    assert (tmp_path / "answers.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    with (tmp_path / "answers.csv").open(newline="") as file:
        assert sum(1 for _ in csv.DictReader(file)) == 6000
