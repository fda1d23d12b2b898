"""Tables as people have them. Row numbers are those of the list of known faults."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from tests.data.conftest import draw
from warmstart.data.sources import load
from warmstart.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(4):
        draw(tmp_path / "images" / f"{i}.png", i)
    return tmp_path


def write(folder: Path, text: str, encoding: str = "utf-8", name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


ROWS = "images/0.png,cat\nimages/1.png,dog\n"


@pytest.mark.parametrize(
    "header", ["path,label", "Filename,Class", "image,target", "file_name,category", "img,species"]
)
def test_columns_are_found_by_their_names(header: str, folder: Path) -> None:
    data = load(write(folder, f"{header}\n{ROWS}"))
    assert [(s.id, s.label) for s in data.samples] == [("images/0.png", "cat"), ("images/1.png", "dog")]
    assert (data.samples[0].source, data.name) == (folder / "images/0.png", "table")


def test_columns_can_be_named(folder: Path) -> None:
    path = write(folder, "a,b,label\nimages/0.png,cat,1\nimages/1.png,dog,2\n")
    assert load(path, path_column="a", label_column="b").target.classes == ("cat", "dog")


@pytest.mark.parametrize("asked", [{}, {"path_column": "pth"}, {"path_column": "pat", "label_column": "lable"}])
def test_a_column_that_cannot_be_told_lists_those_there_are(asked: dict[str, Any], folder: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)column.*pat, foo"):
        load(write(folder, "pat,foo\nimages/0.png,cat\nimages/1.png,dog\n"), **asked)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(separator: str, folder: Path) -> None:
    text = "path,label,note\nimages/0.png,cat,x\nimages/1.png,dog,y\n".replace(",", separator)
    assert load(write(folder, text)).target.classes == ("cat", "dog")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_is_found_and_told_if_unusual(encoding: str, folder: Path) -> None:
    """Row 15."""
    data = load(write(folder, "path,label\nimages/0.png,Käse\nimages/1.png,dog\n", encoding))
    assert data.target.classes == ("dog", "Käse")
    assert bool(data.notes) == (encoding in ("cp1252", "utf-16"))
    assert all(encoding in note for note in data.notes)


def test_bytes_that_no_windows_code_page_has_are_read_as_latin_1(folder: Path) -> None:
    """Row 15."""
    path = folder / "table.csv"
    path.write_bytes(b"path,label\nimages/0.png,K\x81\nimages/1.png,dog\n")
    assert "latin-1" in load(path).notes[0]


@pytest.mark.parametrize("content", ["path,label\nimages/0.png,cat\n".encode("utf-16-le"), b"PK\x03\x04\0\0\x81"])
def test_what_is_no_text_is_an_error_that_says_so(content: bytes, folder: Path) -> None:
    """Row 15: UTF-16 without its mark, a spreadsheet called .csv."""
    (folder / "table.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"(?s)table\.csv is no text.*UTF-8"):
        load(folder / "table.csv")


def test_empty_columns_of_a_spreadsheet_are_not_in_the_way(folder: Path) -> None:
    """Row 15: two columns without a name are not duplicates."""
    assert load(write(folder, "path,label,,\nimages/0.png,cat,,\nimages/1.png,dog,,\n")).target.classes == (
        "cat",
        "dog",
    )


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("in_table", ["NFC", "NFD"])
def test_accents_of_a_file_name_may_be_stored_in_either_way(
    on_disk: Literal["NFC", "NFD"], in_table: Literal["NFC", "NFD"], folder: Path
) -> None:
    """Row 8: a Mac stores an é as two characters, a table may have either."""
    file = draw(folder / unicodedata.normalize(on_disk, "café.png"))
    data = load(write(folder, unicodedata.normalize(in_table, "path,label\ncafé.png,cat\nimages/1.png,dog\n")))
    assert data.samples[0].source == file
    assert data.samples[0].id == unicodedata.normalize("NFC", "café.png")


def test_a_path_is_asked_for_letter_for_letter(folder: Path) -> None:
    """Row 8: of one name a part may be stored in one way and a part in the other."""
    name = f"{unicodedata.normalize('NFC', 'à')}/{unicodedata.normalize('NFD', 'é')}.png"
    file = draw(folder / name)
    assert load(write(folder, f"path,label\n{name},cat\nimages/1.png,dog\n")).samples[0].source == file


def test_labels_that_look_like_gaps_stay_text(folder: Path) -> None:
    """Row 14."""
    text = "path,label\nimages/0.png,NA\nimages/1.png,None\nimages/2.png,nan\nimages/3.png,007\n"
    assert set(load(write(folder, text)).target.classes) == {"NA", "None", "nan", "007"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "path,label\nimages/0.png,cat\nimages/1.png,dog,brown\n",
            r"row 2 \(line 3\) has 3 cells and the header has 2",
        ),
        ("path,label\nimages/0.png,cat\n\nimages/1.png\n", r"row 2 \(line 4\) has 1 cells"),
        ("path,label,label\nimages/0.png,cat,cat\n", "more than once: 'label'"),
        ('path,label\nimages/0.png,cat\nimages/1.png,"dog\nimages/2.png,cat\n', "row 2 .*a quote that is opened"),
        ("path,label\n", "no rows"),
        ("", "no rows"),
        (f"path,label\nimages/0.png,cat\nimages/1.png,{'x' * 2_000_000}\n", "row 2 .*field"),
        ("path,label\nimages/0.png,cat\nimages/1.png,\n", "row 2: the label is empty"),
        ("path,label\nimages/0.png,cat\nimages/9.png,dog\n", "row 2: there is no file images/9.png"),
        (f"path,label\nimages/0.png,cat\n{'x' * 5000}.png,dog\n", "row 2: there is no file xxx"),
        ("path,label\n,cat\nimages/1.png,dog\n", "row 1: the path is empty"),
        ("path,label\nimages/0.png,cat\nimages/1.png,cat\n", "1 class"),
        ("path,label\nimages/0.png,cat\nimages/0.png,dog\n", "row 2 labels images/0.png as 'dog', row 1 as 'cat'"),
        ("path,label,split\nimages/0.png,cat,train\nimages/1.png,dog,tset\n", "row 2: the column 'split' holds 'tset'"),
        ("path,label,split\nimages/0.png,a,train\nimages/1.png,b,train\nimages/2.png,c,val\n", "val part.*: c"),
    ],
)
def test_what_does_not_fit_is_named_with_its_row(text: str, words: str, folder: Path) -> None:
    """Rows 13, 15 and 18."""
    with pytest.raises(DataError, match=f"(?s){words}"):
        load(write(folder, text))


def test_rows_without_file_or_label_can_be_left_out_and_are_counted(folder: Path) -> None:
    """Row 18."""
    text = "path,label\nimages/0.png,cat\nimages/9.png,dog\nimages/1.png,dog\nimages/2.png,\n"
    data = load(write(folder, text), on_missing="skip")
    assert [s.id for s in data.samples] == ["images/0.png", "images/1.png"]
    assert "2 row(s) are left out: row 2: there is no file images/9.png, row 4" in data.notes[0]
    with pytest.raises(DataError, match="1 of 1 rows cannot be used"):
        load(write(folder, "path,label\nimages/9.png,cat\n"), on_missing="skip")


def test_a_repeated_row_is_left_out_and_counted(folder: Path) -> None:
    data = load(write(folder, f"path,label\n{ROWS}images/0.png,cat\n"))
    assert len(data) == 2
    assert "1 row(s) repeat" in data.notes[0]


def test_a_column_of_parts_divides_the_rows_and_a_column_of_groups_holds_them_together(folder: Path) -> None:
    text = (
        "path,label,Split,patient\nimages/0.png,a,train,p1\nimages/1.png,b,TRAIN,p2\n"
        "images/2.png,a,validation,\nimages/3.png,b,test,p3\n"
    )
    data = load(write(folder, text), group="patient")
    assert [s.split for s in data.samples] == ["train", "train", "val", "test"]
    assert [s.group for s in data.samples] == ["p1", "p2", None, "p3"]


def test_a_column_called_split_that_means_something_else_is_left_alone(folder: Path) -> None:
    data = load(write(folder, "path,label,set\nimages/0.png,cat,A\nimages/1.png,dog,B\n"))
    assert {s.split for s in data.samples} == {None}


def test_quoted_cells_and_absolute_and_windows_paths_are_read(folder: Path) -> None:
    (folder / "images/a, b.png").write_bytes((folder / "images/0.png").read_bytes())
    text = f'path,label\n"images/a, b.png",cat\n{folder / "images/1.png"},dog\nimages\\2.png,dog\n'
    data = load(write(folder, text))
    assert [Path(s.source).name for s in data.samples] == ["a, b.png", "1.png", "2.png"]


def test_parquet_json_lines_and_data_frames_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"path": [f"images/{i}.png" for i in range(4)], "label": [0, 1, 1, 10]})
    frame.to_parquet(folder / "table.parquet")
    assert load(folder / "table.parquet").target.classes == ("0", "1", "10")
    monkeypatch.chdir(folder)
    assert load(frame).counts == {"0": 1, "1": 2, "10": 1}
    frame.assign(path=[str(folder / path) for path in frame.path]).to_json("a.jsonl", orient="records", lines=True)
    assert load("a.jsonl").counts == {"0": 1, "1": 2, "10": 1}
    (folder / "bad.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match=r"bad\.parquet.*Parquet"):
        load(folder / "bad.parquet")


def test_whole_numbers_that_gaps_made_floats_are_whole_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 13."""
    monkeypatch.chdir(folder)
    frame = pd.DataFrame({"path": [f"images/{i}.png" for i in range(4)], "label": [0.0, 1.0, np.nan, 1.0]})
    assert load(frame, on_missing="skip").target.classes == ("0", "1")
    with pytest.raises(DataError, match="row 3: the label is empty"):
        load(frame)


def test_strange_numbers_as_labels_are_told(folder: Path) -> None:
    """Row 13: -1, gaps, fractions."""
    minus = load(write(folder, "path,label\nimages/0.png,-1\nimages/1.png,0\n"))
    assert "1 samples are labelled -1" in minus.notes[0]
    gaps = load(write(folder, "path,label\nimages/0.png,0\nimages/1.png,3\n"))
    assert "no sample is labelled 1, 2" in gaps.notes[0]
    fraction = load(write(folder, "path,label\nimages/0.png,0.5\nimages/1.png,1.5\n"))
    assert "fractions" in fraction.notes[0]


def test_measurements_are_not_taken_for_classes(tmp_path: Path) -> None:
    """Row 13."""
    rows = [f"{draw(tmp_path / f'{i}.png', i).name},{i / 7}" for i in range(30)]
    path = write(tmp_path, "path,label\n" + "\n".join(rows))
    found = load(path)
    assert found.target.kind == "regress"
    assert [s.label for s in found.samples] == [(i / 7,) for i in range(30)]
    assert "labels are read as numbers" in found.notes[0]
    assert load(path, task="classify").target.kind == "classify"
