"""Texts as people have them. Row numbers are those of the list of known faults."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.data.conftest import tree_hash
from warmstart.data.schema import Dataset, Label, Sample, Text
from warmstart.data.sources import load, load_inputs
from warmstart.data.sources.objects import read_json
from warmstart.errors import DataError

ROWS = [("The cat sat down.", "cat"), ("A dog barked.", "dog"), ("Another cat came.", "cat")]


def write(folder: Path, text: str, name: str = "table.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def said(data: Dataset) -> list[tuple[str, Label | None]]:
    return [(str(sample.source), sample.label) for sample in data.samples]


def test_a_table_of_any_form_gives_the_same_texts(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS, columns=["text", "label"])
    lines = [json.dumps({"text": text, "label": label}) for text, label in ROWS]
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "a.parquet")
    write(tmp_path, "\n".join(lines), "a.jsonl")
    write(tmp_path, "\n\n".join(lines) + "\n", "a.ndjson")
    write(tmp_path, f"[{','.join(lines)}]", "a.json")
    write(tmp_path, "\n".join(lines), "lines.json")  # as many call JSON lines
    before = tree_hash(tmp_path)
    for data in (*tmp_path.iterdir(), frame, ([text for text, _ in ROWS], [label for _, label in ROWS])):
        found = load(data)
        assert said(found) == ROWS, data
        assert found.notes == (), data
    assert load(tmp_path / "a.csv").samples[0].id == "row-1"
    assert tree_hash(tmp_path) == before


@pytest.mark.parametrize(
    ("header", "texts"),
    [
        (["id", "Review Text", "label"], ["Review Text"]),
        (["title", "body", "label"], ["body"]),
        (["label", "hypothesis", "premise"], ["premise", "hypothesis"]),
        (["sentence1", "sentence2", "label"], ["sentence1", "sentence2"]),
        (["question", "answer", "label"], ["question", "answer"]),
        (["foo", "bar", "label"], ["bar"]),
    ],
)
def test_the_column_of_the_texts_is_found_by_name_or_by_looks(header: list[str], texts: list[str]) -> None:
    long = [f"These are the words of number {i}." for i in range(6)]
    columns = {"id": range(6), "label": list("aabbab"), "foo": [f"x{i}" for i in range(6)]}
    frame = pd.DataFrame({name: columns.get(name, long) for name in header})
    found = load(frame)
    assert found.samples[0].source == Text((long[0],) * len(texts))
    told = " ".join(found.notes)
    assert all(name in told for name in texts) == (texts != ["Review Text"])


def test_columns_can_be_named_and_two_make_pairs(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,c,text\nOne.,Two.,x,no\nThree.,Four.,y,no\n")
    assert said(load(path, text_column="a", label_column="c")) == [("One.", "x"), ("Three.", "y")]
    pairs = load(path, text_column="a, b", label_column="c")
    assert pairs.samples[0].source == Text(("One.", "Two."))
    comma = write(tmp_path, '"a, b",label\nOne.,x\nTwo.,y\n', "comma.csv")
    assert said(load(comma, text_column="a, b")) == [("One.", "x"), ("Two.", "y")]
    for wrong in ("d", "a,d", "a,b,c", "a,a"):
        with pytest.raises(DataError, match="text"):
            load(path, text_column=wrong, label_column="c")
    with pytest.raises(DataError, match="both a path column and a text column"):
        load(path, text_column="a", path_column="b")


def test_columns_that_cannot_be_told_are_listed_with_the_option_to_name_one() -> None:
    frame = pd.DataFrame({"foo": ["1", "2"], "bar": ["3", "4"], "label": ["x", "y"]})
    with pytest.raises(DataError, match=r"(?s)foo, bar.*--text-column"):
        load(frame, kind="text")
    with pytest.raises(DataError, match=r"(?s)foo, bar.*--text-column.* if they are texts"):
        load(frame)


def test_label_group_split_and_time_are_read_as_for_images(tmp_path: Path) -> None:
    text = "text,label,split,who,when\nA b.,x,train,p,2024-01-02\nC d.,y,train,q,2024-01-03\nE f.,x,test,,2024-01-04\n"
    found = load(write(tmp_path, text), group="who", time="when").samples
    assert [s.split for s in found] == ["train", "train", "test"]
    assert [s.group for s in found] == ["p", "q", None]
    assert found[1].time == found[0].time + 86400  # type: ignore[operator]


def test_labels_that_look_like_gaps_or_numbers_stay_as_they_are_written(tmp_path: Path) -> None:
    """Row 14."""
    names = ["NA", "None", "nan", "007", "7", "1.50"]
    rows = "".join(f"Text number {name} of it.,{name}\n" for name in names)
    assert [s.label for s in load(write(tmp_path, f"text,label\n{rows}")).samples] == names
    lines = "\n".join(json.dumps({"text": f"Text of {name}.", "label": name}) for name in names)
    assert [s.label for s in load(write(tmp_path, lines, "a.jsonl")).samples] == names


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_of_a_table_is_found_and_told_if_unusual(encoding: str, tmp_path: Path) -> None:
    """Row 15."""
    for name, text in (
        ("a.csv", "text,label\nKäse é.,a\nBrot.,b\n"),
        ("a.jsonl", '{"text":"Käse é.","label":"a"}\n' * 2),
    ):
        path = write(tmp_path, text.replace('"a"}\n', '"b"}\n', 1), name, encoding)
        found = load(path, kind="text")
        assert str(found.samples[0].source) == "Käse é."
        assert any(encoding in note for note in found.notes) == (encoding in ("cp1252", "utf-16"))


def test_any_script_comes_through_letter_for_letter(tmp_path: Path) -> None:
    texts = [
        "Ἐν ἀρχῇ",
        "Вначале было слово",
        "בְּרֵאשִׁית",
        "في البدء كان",
        "太初有道",
        "ปฐมกาล",
        unicodedata.normalize("NFD", "où ça"),
    ]
    rows = "".join(f'"{text}",{i % 2}\n' for i, text in enumerate(texts))
    assert [str(s.source) for s in load(write(tmp_path, f"text,label\n{rows}")).samples] == texts
    lines = "\n".join(json.dumps({"text": text, "label": i % 2}) for i, text in enumerate([*texts, "a\ud83d"]))
    assert [str(s.source) for s in load(write(tmp_path, lines, "a.jsonl")).samples] == [*texts, "a�"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "text,label,label\nA b.,x,y\n", "more than once: 'label'"),
        ("a.csv", "text,label\nA b.,x\nC d., e,y\n", r"row 2 \(line 3\) has 3 cells"),
        ("a.csv", "text,label\nA b.,x\nC d.,\n", "row 2: the label is empty"),
        ("a.csv", f"text,label\nA b.,x\n{'z' * 2_000_000},y\n", "row 2 .*field"),
        ("a.jsonl", '{"text":"A b.","label":"x"}\n{"text":\n', "line 2 is no JSON"),
        ("a.jsonl", '{"text":"A b.","label":"x"}\n["C d."]\n', "line 2 holds no object"),
        ("a.jsonl", '{"text":"A b.","label":{"x":1}}\n', "row 1: the label 'label' is a dict"),
        ("a.jsonl", '{"text":["A","b"],"label":"x"}\n', "row 1: the column 'text' holds a list"),
        ("a.json", '{\n"text": {"0": "A b."}\n}', "holds no list of objects"),
        ("a.json", '[\n{"text": "A b."},\n{"text" "C d."}]', "line 3 is no JSON"),
        ("a.json", "[1, 2]", "holds no list of objects"),
        ("a.jsonl", "", "no rows"),
        ("a.jsonl", "[" * 100_000, "line 1 is no JSON"),
        ("a.csv", "text,label\nA b.,x\nC d.,x\n", "1 class"),
    ],
)
def test_what_does_not_fit_is_named_with_its_row(name: str, text: str, words: str, tmp_path: Path) -> None:
    """Rows 13 and 15."""
    with pytest.raises(DataError, match=f"(?s){words}"):
        load(write(tmp_path, text, name), text_column="text")


def test_a_text_as_long_as_a_book_is_read(tmp_path: Path) -> None:
    """Row 15: Python's own limit is 131,072 characters."""
    found = load(write(tmp_path, f"text,label\n{'word ' * 200_000},x\nShort.,y\n"))
    assert len(str(found.samples[0].source)) == 999_999


def test_empty_texts_are_left_out_and_counted_wherever_they_come_from(tmp_path: Path) -> None:
    """Row 16."""
    table = write(tmp_path, 'text,label\nA b.,x\n"  ",x\n,\nC d.,y\n"",z\n')
    pairs = (["A b.", None, float("nan"), " \n", "C d."], list("xxyzy"))
    for name, text in (("x/a.txt", "A b."), ("x/b.md", " \n"), ("y/c.txt", "C d."), ("z/d.txt", "")):
        write(tmp_path / "files", text, name)
    for data, ids in ((table, "row-2, row-4"), (pairs, "row-1, row-2, row-3"), (tmp_path / "files", "x/b.md, z/d.txt")):
        found = load(data)
        assert said(found) == [("A b.", "x"), ("C d.", "y")]
        assert any(note.endswith(f"have no text and are left out: {ids}") for note in found.notes)
        assert found.notes[-1] == "no text is left of the class(es) z"


def test_rows_without_a_label_can_be_left_out(tmp_path: Path) -> None:
    found = load(write(tmp_path, "text,label\nA b.,x\nC d.,\nE f.,y\n"), on_missing="skip")
    assert [s.id for s in found.samples] == ["row-1", "row-3"]
    assert found.notes == ("1 row(s) are left out: row 2: the label is empty",)


@pytest.mark.parametrize("parts", [("",), ("train/", "test/")])
def test_a_folder_of_text_files_is_read_by_its_layout(parts: tuple[str, ...], tmp_path: Path) -> None:
    for part in parts:
        for name in ("ham/2.txt", "ham/10.txt", "spam/a.md"):
            write(tmp_path, f"\ufeff{part}{name}\n", f"{part}{name}")
    write(tmp_path, "nothing", f"{parts[0]}ham/x.json")
    found = load(tmp_path)
    assert [s.id for s in found.samples] == [
        p + n for p in sorted(parts) for n in ("ham/2.txt", "ham/10.txt", "spam/a.md")
    ]
    assert said(found)[0] == (found.samples[0].id, "ham")
    assert {s.split for s in found.samples} == ({"train", "test"} if parts[0] else {None})
    assert "being no texts or in no class folder" in found.notes[0]


def test_a_folder_that_is_laid_out_otherwise_shows_both_trees(tmp_path: Path) -> None:
    write(tmp_path, "A b.", "one.txt")
    with pytest.raises(DataError, match=r"(?s)no class folder.*spam/.*1\.txt.*each with texts"):
        load(tmp_path)
    write(tmp_path, "A b.", "x/one.txt")
    write(tmp_path, "A b.", "y/one.txt")
    with pytest.raises(DataError, match=r"(?s)time 'exif' for a folder of texts.*no time"):
        load(tmp_path, time="exif")


def test_files_of_other_encodings_are_told_and_those_that_are_no_text_stay_as_paths(tmp_path: Path) -> None:
    """Row 15."""
    write(tmp_path, "Käse £5", "x/a.txt", "cp1252")
    write(tmp_path, "Käse", "x/b.txt", "utf-16")
    write(tmp_path, "Käse", "y/c.txt")
    (tmp_path / "y/d.txt").write_bytes(b"\x89PNG\0\0")
    (tmp_path / "y/e.txt").write_bytes(b"\xff\xfea")
    (tmp_path / "y/f.txt").write_bytes(bytes(range(1, 32)) * 9)
    found = load(tmp_path)
    assert [str(s.source) for s in found.samples[:3]] == ["Käse £5", "Käse", "Käse"]
    assert [s.source for s in found.samples[3:]] == [tmp_path / f"y/{name}.txt" for name in "def"]
    assert "1 file(s) are not UTF-8; they were read as cp1252: x/a.txt" in found.notes


class Hub:
    """What warmstart asks of a `datasets.Dataset`."""

    def __init__(self, names: list[str] | None = None, **columns: Any) -> None:
        self._frame = pd.DataFrame(columns)
        self.features = {name: SimpleNamespace(names=names if name == "label" else None) for name in columns}

    def __len__(self) -> int:
        return len(self._frame)

    def select(self, rows: range) -> Hub:
        names = self.features["label"].names
        return Hub(names, **{str(k): v for k, v in self._frame.iloc[list(rows)].to_dict("list").items()})

    def to_pandas(self) -> pd.DataFrame:
        return self._frame


def test_a_hub_data_set_is_read_with_its_class_names_and_parts() -> None:
    names = ["neg", "pos"]
    one = Hub(names, text=["Good it is.", "Bad it is."], label=[1, 0])
    assert said(load(one)) == [("Good it is.", "pos"), ("Bad it is.", "neg")]
    none = Hub(names, text=["Who knows?"], label=[-1])
    parts = {
        "train": one,
        "validation": Hub(names, text=["Fine it is."], label=[1]),
        "test": none,
        "unsupervised": none,
    }
    found = load(parts)
    assert [s.split for s in found.samples] == ["train", "train", "val"]
    assert found.notes == (
        "parts of other names than train, val and test are left out: unsupervised",
        "the part 'test' has no labels and is left out",
    )
    assert len(load({"en": one, "de": one})) == 4  # no division that is known


def test_texts_in_memory_may_be_pairs_and_must_fit_their_labels() -> None:
    pairs = load(([("A b.", "C d."), ("E f.", "G h.")], ["x", "y"]))
    assert pairs.samples[1] == Sample("row-1", Text(("E f.", "G h.")), "y")
    assert load((np.array(["A b.", "C d."]), np.array([0, 1]))).target.classes == ("0", "1")
    assert load((pd.Series(["A b.", "C d."]), ["x", "y"]), kind="text").kind == "text"
    with pytest.raises(DataError, match="2 texts, 1 labels"):
        load((["A b.", "C d."], ["x"]))
    with pytest.raises(DataError, match="some are pairs"):
        load((["A b.", ("C d.", "E f.")], ["x", "y"]))
    with pytest.raises(DataError, match="a text of type int"):
        load((["A b.", 3], ["x", "y"]), kind="text")


def test_inputs_are_texts_files_folders_or_tables_and_each_keeps_its_row(tmp_path: Path) -> None:
    """Row 16."""
    table = write(tmp_path, "id,text\n1,A b.\n2,\n,\n4,C d.\n")
    column = write(tmp_path, 'text\nA b.\n""\n', "column.csv")
    file = write(tmp_path, "In a file.\n", "texts/b.txt")
    (tmp_path / "texts/a.txt").write_bytes(b"\0")

    def found(inputs: Any, **options: Any) -> list[tuple[str, str]]:
        return [(s.id, str(s.source)) for s in load_inputs(inputs, kind="text", **options)]

    assert found("A text.") == [("row-0", "A text.")]
    assert found(["A", None, float("nan"), "", "a\0b"]) == [
        ("row-0", "A"), ("row-1", ""), ("row-2", ""), ("row-3", ""), ("row-4", "a\0b")
    ]  # fmt: skip
    assert load_inputs([("A", "B")], kind="text")[0].source == Text(("A", "B"))
    assert found(table) == [("row-1", "A b."), ("row-2", ""), ("row-3", ""), ("row-4", "C d.")]
    assert found(str(column)) == [("row-1", "A b."), ("row-2", "")]
    assert found(["x", column])[1] == (f"{column.as_posix()} row-1", "A b.")
    assert found(table, text_column="id")[0] == ("row-1", "1")
    assert found(str(file)) == [(file.as_posix(), "In a file.")]
    assert [s.source for s in load_inputs(tmp_path / "texts", kind="text")] == [
        tmp_path / "texts/a.txt",
        Text(("In a file.",)),
    ]
    assert found(pd.DataFrame({"text": ["A b.", None]})) == [("row-1", "A b."), ("row-2", "")]
    with pytest.raises(DataError, match=r"gone\.csv"):
        found("gone.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no text lies below"):
        found(tmp_path / "empty")
    with pytest.raises(DataError, match="no input"):
        found([])


def test_a_key_that_a_line_lacks_is_empty_and_line_ends_within_a_text_are_none(tmp_path: Path) -> None:
    lines = '{"text": "a\u2028b"}\r\n{"label": 1, "text": "c"}\n'
    assert read_json(write(tmp_path, lines, "a.jsonl"), []) == (["text", "label"], [["a\u2028b", None], ["c", 1]])
