"""Labels as sets of names, numbers, texts to be written. Row numbers are those of the list of known faults."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.data.conftest import Maker
from tests.data.test_texts import Hub, said, write
from warmstart.data.schema import Dataset, Label
from warmstart.data.sources import load
from warmstart.data.targets import NumberTarget, TaskName
from warmstart.errors import DataError

TEXTS = ["It rains in Spain.", "The sun is shining.", "Snow fell in the night.", "A storm is coming."]
SETS: list[Label] = [("cold", "wet"), ("wet",), (), ("cold",)]
IMAGES = np.arange(4 * 8 * 8, dtype=np.uint8).reshape(4, 8, 8)


def labels(data: Dataset) -> list[Label | None]:
    return [sample.label for sample in data.samples]


def frame(cells: list[Any], name: str = "labels") -> pd.DataFrame:
    return pd.DataFrame({"text": TEXTS, name: pd.Series(cells, dtype=object)})


def test_lists_of_names_are_labels_of_which_a_text_has_any_number(tmp_path: Path) -> None:
    table = frame([["wet", "cold"], ["wet", "wet"], [], ["cold"]])
    table.to_parquet(tmp_path / "a.parquet")
    write(tmp_path, "\n".join(json.dumps(row) for row in table.to_dict("records")), "a.jsonl")
    in_memory = (TEXTS, [{"wet", "cold"}, ("wet",), [], np.array(["cold"])])
    other = table.rename(columns={"labels": "genres"}).assign(id=range(4))
    for data in (table, other, tmp_path / "a.parquet", tmp_path / "a.jsonl", in_memory, (IMAGES, in_memory[1])):
        found = load(data)
        assert (found.target.kind, found.target.classes, found.notes) == ("multilabel", ("cold", "wet"), ())
        assert labels(found) == SETS
    assert found.counts == {"cold": 2, "wet": 2}


def test_lists_that_the_hub_numbers_get_their_names() -> None:
    hub = Hub(text=TEXTS, label=[[1, 0], [1], [], [0]])
    hub.features["label"] = SimpleNamespace(names=None, feature=SimpleNamespace(names=["cold", "wet"]))
    assert labels(load(hub)) == SETS


def test_an_empty_list_is_none_of_the_labels_and_a_gap_is_no_label() -> None:
    table = frame([["wet"], None, [], ["cold"]])
    with pytest.raises(DataError, match="row 2: the label is empty"):
        load(table)
    found = load(table, on_missing="skip")
    assert [(s.id, s.label) for s in found.samples] == [("row-1", ("wet",)), ("row-3", ()), ("row-4", ("cold",))]
    with pytest.raises(DataError, match="position 1 is missing"):
        load((TEXTS, [["wet"], None, [], ["cold"]]))


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        (["cold|wet", "wet", "", "cold"], "divided by '|'"),
        (["wet;cold", "wet", "", "cold;"], "divided by ';'"),
        (["wet, cold", "wet", None, "cold"], "divided by ','"),
        (["['wet', 'cold']", "['wet']", "[]", "['cold']"], ""),
    ],
)
def test_several_names_in_one_cell_are_divided_where_the_task_says_so(cells: list[str], note: str) -> None:
    found = load(frame(cells), task="multilabel")
    assert labels(found) == SETS
    assert note in " ".join(found.notes)
    assert ("1 empty cell(s) are read as none" in " ".join(found.notes)) == bool(note)
    assert load(frame(["a|b", "c", "a|b", "c"])).target.classes == ("a|b", "c"), "it is a class unless it is said"


def test_lists_that_were_written_as_text_are_lists_where_all_are() -> None:
    assert labels(load(frame(["['wet', 'cold']", '["wet"]', "", "['cold']"]))) == SETS
    assert load(frame(["['wet']", "cold", "['wet']", "[x]"])).target.classes == ("['wet']", "[x]", "cold")


def test_columns_of_no_and_yes_are_a_label_each(tmp_path: Path) -> None:
    rows = ["1,true", "0,True", "0,false", "1,FALSE"]
    table = write(tmp_path, "\n".join(["text,cold,wet", *(f"{t},{r}" for t, r in zip(TEXTS, rows, strict=True))]))
    for task in (None, "multilabel"):
        found = load(table, label_column="cold,wet", task=task)
        assert (found.target.classes, labels(found)) == (("cold", "wet"), SETS)
    assert labels(load(table, label_column="cold", task="multilabel")) == [("cold",), (), (), ("cold",)]
    for data in ((TEXTS, np.array([[1, 1], [0, 1], [0, 0], [1, 0]])), (IMAGES, [[1, 1], [0, 1], [0, 0], [1, 0]])):
        assert labels(load(data, task="multilabel")) == [("0", "1"), ("1",), (), ("0",)]
    named = pd.DataFrame([[1, 1], [0, 1], [0, 0], [1, 0]], columns=["cold", "wet"])
    assert labels(load((TEXTS, named), task="multilabel")) == SETS
    unused = load((TEXTS, pd.DataFrame({"a": [0, 0, 0, 0], "b": [0, 1, 0, 1]})), task="multilabel")
    assert (unused.target.classes, unused.notes) == (("a", "b"), ("no sample has the label(s) a",))


def test_numbers_are_measurements_where_many_have_fractions_or_the_task_says_so(tmp_path: Path) -> None:
    rows = [f"Text of number {i}.,{i / 7}" for i in range(40)]
    table = write(tmp_path, "\n".join(["text,label", *rows]))
    found = load(table)
    assert isinstance(found.target, NumberTarget)
    assert (found.target.classes, labels(found)[7]) == (("label",), (1.0,))
    assert found.target.centre[0] == pytest.approx(np.mean([i / 7 for i in range(40)]))
    assert "task='classify' (--task classify) takes them as names" in found.notes[0]
    assert load(table, task="classify").target.kind == "classify"
    assert load((IMAGES, [1, 2, 3, 4])).target.kind == "classify", "whole numbers are classes"
    assert labels(load((IMAGES, ["1", " 2e1 ", "-.5", 4]), task="regress")) == [(1.0,), (20.0,), (-0.5,), (4.0,)]


def test_several_columns_of_numbers_are_several_numbers() -> None:
    table = frame([1.5, 2, 3, 4], "weight").assign(age=pd.Series([10, 20, 30, np.nan]))
    with pytest.raises(DataError, match="row 4: the label is empty") as error:
        load(table, label_column="weight,age")
    hint = "weight=regress,age=regress"
    assert f"--task {hint}" in (error.value.do or "")
    assert len(load(table, task=hint)) == 4, "as tasks of their own they may have gaps"
    found = load(table, label_column="weight,age", on_missing="skip")
    assert (found.target.classes, labels(found)) == (("weight", "age"), [(1.5, 10.0), (2.0, 20.0), (3.0, 30.0)])
    lists = load((TEXTS, [[1, 2], [3, 4], (5, 6), np.array([7, 8])]), task="regress")
    assert load((TEXTS, [[0.5, 2], [3, 4], (5, 6), np.array([7, 8])])).target.kind == "regress", (
        "fractions are no names"
    )
    assert (lists.target.classes, labels(lists)[3]) == (("label 1", "label 2"), (7.0, 8.0))
    assert labels(load((IMAGES, np.eye(4)[:, :2]), task="regress"))[0] == (1.0, 0.0)
    assert load(frame([1, 2, 3, 4], "rating"), task="regress").target.classes == ("rating",), "a name that is known"


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("2,5", "row 2: the column 'score': '2,5' is no number.*write 2.5"),
        ("12 kg", "row 2: .*'12 kg' is no number.*no unit"),
        ("inf", "row 2: .*'inf' is no number"),
        ("nan", "row 2: .*'nan' is no number"),
        ("1e999", "row 2: .*'1e999' is no number"),
        (float("inf"), "row 2: .*'inf' is no number"),
        (True, "row 2: .*'True' is no number"),
        ("1_000", "row 2: .*'1_000' is no number"),
        ("", "row 2: the label is empty"),
        (float("nan"), "row 2: the label is empty"),
    ],
)
def test_a_number_that_is_none_is_named_with_its_row(cell: Any, words: str) -> None:
    """Rows 13 and 14."""
    with pytest.raises(DataError, match=f"(?s){words}"):
        load(frame(["1", cell, "3", "4"], "score"), task="regress")


def test_a_mistake_among_many_measurements_is_told_and_not_taken_for_a_class() -> None:
    for cell in ("7,3", "unknown"):
        table = pd.DataFrame({"text": TEXTS * 20, "label": [*(f"{i / 7:.3f}" for i in range(79)), cell]})
        with pytest.raises(DataError, match=f"(?s)row 80: .*'{cell}' is no number.*--task classify"):
            load(table)


def test_folder_names_are_numbers_only_where_it_is_said(tree: Maker) -> None:
    root = tree(*(f"{age}/{i}.png" for age in ("1.5", "20", "3") for i in range(2)))
    assert load(root).target.classes == ("1.5", "3", "20")
    found = load(root, task="regress")
    assert sorted(set(labels(found))) == [(1.5,), (3.0,), (20.0,)]  # type: ignore[type-var]
    assert (found.target.kind, found.target.classes, len(found)) == ("regress", ("number",), 6)
    (root / "old").mkdir()
    (root / "old/a.png").write_bytes((root / "3/0.png").read_bytes())
    with pytest.raises(DataError, match=r"old/a\.png: .*'old' is no number"):
        load(root, task="regress")


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        (("input", "target"), {}),
        (("prompt", "completion"), {}),
        (("question", "answer"), {}),
        (("article", "highlights"), {}),
        (("body", "label"), {"text_column": "body"}),
        (("a", "b"), {"text_column": "a", "label_column": "b"}),
    ],
)
def test_texts_to_be_written_are_taken_as_they_are(columns: tuple[str, str], options: dict[str, str]) -> None:
    targets = ["Rain\n\tand RAIN", "naïve ☂", "", "7"]
    table = pd.DataFrame({"id": range(4), columns[1]: targets, columns[0]: TEXTS})
    found = load(table, task="generate", **options)  # type: ignore[arg-type]
    assert said(found) == list(zip(TEXTS, targets, strict=True))
    assert (found.target.kind, found.target.classes, found.counts) == ("generate", (), {})
    assert load((TEXTS, targets), task="generate").samples[0].label == targets[0]


def test_a_text_to_be_written_that_is_missing_is_told(tmp_path: Path) -> None:
    lines = '{"input": "A b.", "target": "C"}\n{"input": "D e."}\n{"input": "", "target": "F"}\n'
    table = write(tmp_path, lines, "a.jsonl")
    with pytest.raises(DataError, match="row 2: the label is empty"):
        load(table, task="generate")
    assert said(load(table, task="generate", on_missing="skip")) == [("A b.", "C")]
    with pytest.raises(DataError, match="all texts to be written are empty"):
        load((TEXTS, ["", " ", "", ""]), task="generate")


@pytest.mark.parametrize(
    ("data", "task", "words"),
    [
        (frame([["a"], ["b"], [], ["a"]]), "classify", "row 1: .*is a list.*--task multilabel"),
        (frame([["a"], ["b"], [], ["a"]]), "regress", "row 1: .*'a' is no number"),
        (frame([["a"], "b", [], ["a"]]), None, "row 2: 'b' is no list of labels"),
        (frame([["a"], [["b"]], [], ["a"]]), None, "row 2: .* is no list of labels"),
        (frame([["a"], ["b", None], [], ["a"]]), None, "row 2: .* is no list of labels"),
        (frame([{"a": 1}] * 4), None, "row 1: .*is a dict"),
        (frame([[], [], [], []]), None, "none of 4 samples has any label"),
        (frame(["1", "1", "1", "1"]), "regress", "4 labels, and 1 number"),
        (frame([[1, 2], [3], [4, 5], [6, 7]]), "regress", r"row 2: 1 number\(s\).*2, as in the longest row"),
        ((TEXTS, np.eye(4)), None, r"labels of shape \(4, 4\); task='multilabel' for 0 and 1, task='regress'"),
        ((TEXTS, np.eye(4) * 2), "multilabel", "position 0: the column '0' holds '2.0'"),
        ((IMAGES, ["a", "b", "a", "b"]), "generate", "a text of type ndarray"),
    ],
)
def test_labels_that_do_not_fit_the_task_are_told(data: Any, task: TaskName | None, words: str) -> None:
    """Row 13."""
    with pytest.raises(DataError, match=f"(?s){words}"):
        load(data, task=task)


def test_a_task_that_the_form_of_the_data_rules_out_is_refused(tree: Maker) -> None:
    root = tree("cat/1.png", "dog/1.png")
    with pytest.raises(DataError, match="the task 'multilabel' for a folder of images"):
        load(root, task="multilabel")
    classes = load(root)
    assert load(classes, task="classify") is classes
    with pytest.raises(DataError, match="the task 'regress' for a data set whose target is of 'classify'"):
        load(classes, task="regress")
    with pytest.raises(DataError, match="2 columns are named for the labels: a, b"):
        load(frame([1, 2, 3, 4], "a").assign(b=1), label_column="a,b", task="classify")
    with pytest.raises(DataError, match="row 3: the column 'a' holds '2'"):
        load(frame([0, 1, 2, 0], "a").assign(b=1), label_column="a,b", task="multilabel")


def test_images_of_a_table_may_have_several_labels_or_numbers(tree: Maker) -> None:
    root = tree(*(f"{i}.png" for i in range(4)))
    rows = ["0.png,red|round,1.5", "1.png,red,2", "2.png,,3", "3.png,round,4"]
    table = write(root, "\n".join(["path,label,size", *rows]), "a.csv")
    assert labels(load(table, task="multilabel")) == [("red", "round"), ("red",), (), ("round",)]
    assert labels(load(table, task="regress", label_column="size")) == [(1.5,), (2.0,), (3.0,), (4.0,)]
    twice = write(root, "path,label\n0.png,1\n1.png,2\n0.png,3\n", "b.csv")
    with pytest.raises(DataError, match=r"row 3 labels 0.png as \(3.0,\), row 1 as \(1.0,\)"):
        load(twice, task="regress")
