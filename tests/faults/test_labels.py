"""Rows 9 to 19: classes, labels, tables and parts that are not what they should be."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.api.test_leaks import tiles_again
from tests.faults.conftest import QUICK
from tests.faults.ways import Way, table
from tests.newsroom import as_csv, news


def listing(folder: Path, labels: dict[str, str] | None = None) -> Path:
    """A table of the images of a folder, with these labels in the place of their own."""
    files = sorted(folder.rglob("*.png"))
    own = [path.parent.name for path in files]
    return table(
        folder.parent / "labels.csv",
        path=[str(path) for path in files],
        label=[(labels or {}).get(name, name) for name in own],
    )


def test_09_classes_are_mapped_by_name_whatever_their_order(way: Way, digits_folder: Path, bundle: Path) -> None:
    whole = way("evaluate", bundle, digits_folder)
    shutil.rmtree(digits_folder / "0")
    part = way("evaluate", bundle, digits_folder)
    assert whole.code == part.code == 0
    answered = way("predict", bundle, [digits_folder]).result
    right = sum(Path(row["input"]).parent.name == row["label"] for row in answered) / len(answered)
    assert part.result["metrics"]["accuracy"]["value"] == pytest.approx(right)
    assert right > 0.8, "without the first class the others would be one index off"
    (digits_folder / "1").rename(digits_folder / "eleven")
    other = way("evaluate", bundle, digits_folder)
    assert other.code == 2
    assert other.told("'eleven'")


def test_09_a_part_that_has_a_class_more_is_found_before_training(way: Way, digits_folder: Path) -> None:
    for part in ("train", "test"):
        shutil.copytree(digits_folder, digits_folder.parent / "parts" / part)
    (digits_folder.parent / "parts" / "test" / "2").rename(digits_folder.parent / "parts" / "test" / "two")
    said = way("fit", digits_folder.parent / "parts", **QUICK)
    assert said.code == 2
    assert said.told("two")


def test_10_hidden_folders_are_no_classes_and_2_comes_before_10(way: Way, digits_folder: Path) -> None:
    (digits_folder / "1").rename(digits_folder / "10")
    shutil.copytree(digits_folder / "0", digits_folder / ".cache")
    said = way("fit", digits_folder, **QUICK)
    assert said.code == 0
    (row,) = way("predict", Path(said.result["folder"]) / "bundle", [sorted((digits_folder / "2").iterdir())[0]]).result
    assert list(row["probabilities"]) == ["0", "2", "10"]


@pytest.mark.parametrize("layout", ["one class", "no classes", "empty class"])
def test_11_a_wrong_layout_shows_what_was_found_beside_what_is_expected(
    layout: str, way: Way, digits_folder: Path
) -> None:
    if layout == "no classes":
        for path in digits_folder.rglob("*.png"):
            path.rename(digits_folder / f"{path.parent.name}-{path.name}")
        for folder in ("0", "1", "2"):
            (digits_folder / folder).rmdir()
    else:
        shutil.rmtree(digits_folder / "0")
        if layout == "one class":
            shutil.rmtree(digits_folder / "1")
        else:
            (digits_folder / "0").mkdir()
    said = way("fit", digits_folder, **QUICK)
    if layout == "empty class":
        assert said.told("0")
    else:
        assert said.code == 2
        assert said.told("two or more class")


def test_11_a_folder_called_validation_is_the_validation_part(way: Way, digits_folder: Path) -> None:
    parts = digits_folder.parent / "parts"
    for part in ("train", "validation", "test"):
        shutil.copytree(digits_folder, parts / part)
    said = way("check", parts)
    assert said.code == 0
    assert said.result["parts"] == {"train": 60, "val": 60, "test": 60}


def test_12_a_class_with_one_sample_is_kept_and_told(way: Way, digits_folder: Path) -> None:
    for path in sorted((digits_folder / "2").iterdir())[1:]:
        path.unlink()
    said = way("fit", digits_folder, **QUICK)
    assert said.code == 0
    assert said.told("one sample only, kept in train and not evaluated: 2")


LABELS = {
    "-1": "1 samples are labelled -1; it is taken as a class, though it often means unknown",
    "0.5": "labels with fractions are taken as names of classes: 0.5",
    "": "row 8: the label is empty",
}


@pytest.mark.parametrize("label", LABELS)
def test_13_labels_that_are_none_are_found_before_training(label: str, way: Way, digits_folder: Path) -> None:
    files = sorted(digits_folder.rglob("*.png"))
    labels = [path.parent.name for path in files]
    labels[7] = label
    said = way("fit", table(digits_folder.parent / "t.csv", path=list(map(str, files)), label=labels), **QUICK)
    assert said.told(LABELS[label])
    assert said.code == (2 if label == "" else 0)


@pytest.mark.parametrize("name", ["NA", "None", "nan"])
def test_14_labels_that_look_like_gaps_are_text(name: str, way: Way, digits_folder: Path) -> None:
    said = way("fit", listing(digits_folder, {"1": name}), **QUICK)
    assert said.code == 0
    image = sorted((digits_folder / "1").iterdir())[0]
    (row,) = way("predict", Path(said.result["folder"]) / "bundle", [image]).result
    assert name in row["probabilities"]


def test_15_a_table_of_another_encoding_is_read(way: Way, digits_folder: Path) -> None:
    path = listing(digits_folder, {"1": "größe"})
    text = path.read_text(encoding="utf-8")
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        path.write_bytes(text.encode(encoding))
        assert way("check", path).told("größe"), encoding


@pytest.mark.parametrize(
    ("line", "words"),
    [("a.png,0,one,two,many", "row"), ('"a.png,0', "row"), (f"a.png,{'x' * 10_000_000}", "row")],
    ids=["ragged", "open quote", "long field"],
)
def test_15_a_row_that_cannot_be_used_is_named(line: str, words: str, way: Way, digits_folder: Path) -> None:
    path = listing(digits_folder)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    said = way("check", path)
    assert said.code == 2
    assert said.told("62") or said.told(words)
    assert len(said.words) < 5000


def test_15_columns_of_one_name_are_told(way: Way, digits_folder: Path) -> None:
    path = listing(digits_folder)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(["path,label,label", *(f"{line},1" for line in lines[1:])]), encoding="utf-8")
    assert way("check", path).told("label")


def test_16_empty_texts_are_counted_and_left_out(way: Way, tmp_path: Path) -> None:
    rows = news(8)
    path = as_csv(tmp_path / "news.csv", [*rows, ("", "sport"), ("   ", "money")])
    said = way("check", path)
    assert said.code == 0
    assert said.told("2 sample(s) have no text and are left out: row-25, row-26")
    fitted = way("fit", path, recipe="probe", baseline="none", size=16)
    assert fitted.told("2 sample(s) have no text and are left out")
    asked = table(tmp_path / "asked.csv", text=[rows[0][0], "  ", rows[1][0]])
    answers = way("predict", Path(fitted.result["folder"]) / "bundle", [asked]).result
    assert [row["label"] is None for row in answers] == [False, True, False]
    assert answers[1]["error"]


def test_17_texts_that_are_longer_than_the_model_reads_are_counted(way: Way, tmp_path: Path) -> None:
    rows = [(f"{text} {'word ' * 600}", topic) for text, topic in news(6)]
    said = way("fit", as_csv(tmp_path / "news.csv", rows), recipe="probe", baseline="none", size=16)
    assert said.code == 0
    assert said.told("100") or said.told("longer") or said.told("truncated")


def test_18_a_file_that_is_missing_is_an_error_or_left_out_as_asked(
    way: Way, digits_folder: Path, bundle: Path
) -> None:
    path = listing(digits_folder)
    gone = sorted((digits_folder / "0").iterdir())[0]
    gone.unlink()
    stopped = way("fit", path, **QUICK)
    assert stopped.code == 2
    assert stopped.told(gone.name)
    assert way("fit", path, on_missing="skip", **QUICK).code == 0
    rows = way("predict", bundle, [gone, sorted((digits_folder / "0").iterdir())[0]]).result
    assert [row["error"] is None for row in rows] == [False, True]


def test_19_copies_in_several_parts_and_groups_that_are_divided_are_told(way: Way, digits_folder: Path) -> None:
    parts = digits_folder.parent / "parts"
    for part in ("train", "test"):
        shutil.copytree(digits_folder, parts / part)
    assert way("check", parts).told("60 image(s) of validation or test are also in another part")
    files = sorted(digits_folder.rglob("*.png"))
    with_groups = table(
        digits_folder.parent / "t.csv",
        path=list(map(str, files)),
        label=[path.parent.name for path in files],
        split=["train" if i % 2 else "test" for i in range(len(files))],
        patient=[f"p{i // 4}" for i in range(len(files))],
    )
    assert way("check", with_groups, group="patient").told("15 group(s) lie in more than one part")


@pytest.mark.slow
def test_19_pictures_that_only_their_features_show_to_be_alike_are_told(
    way: Way, photos: dict[str, Image.Image], tmp_path: Path
) -> None:
    data = tiles_again(tmp_path, photos)
    assert not way("check", data).told("look like one in another part"), "their pixels differ too much"
    said = way("fit", data, **{**QUICK, "backbone": "lite0?taps=0"}, size=64)
    assert said.code == 0
    assert said.told("measured on look very much like one learned from", "the score without them is")
