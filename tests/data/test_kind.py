"""Whether data are images or texts; images, wherever that is unclear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.data.conftest import Maker
from warmstart.data.sources import kind_of, load, load_inputs
from warmstart.errors import DataError

LONG = [f"What is said in text number {i}." for i in range(5)]


def test_a_folder_is_of_texts_if_no_image_is_in_it(tree: Maker) -> None:
    root = tree("cats/a.txt", "dogs/b.txt", "dogs/notes.json")
    assert kind_of(root) == kind_of(str(root)) == "text"
    assert kind_of(tree("dogs/deep/below/c.png")) == "image"


def test_a_folder_without_either_is_taken_for_images(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    assert kind_of(tmp_path) == "image"


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"text": LONG}, "text"),
        ({"foo": LONG}, "text"),
        ({"filename": [f"{i}.txt" for i in range(5)], "text": LONG}, "text"),
        ({"path": [f"{i}.jpg" for i in range(5)], "description": LONG}, "image"),
        ({"image_id": [f"{i}" for i in range(5)], "title": LONG}, "image"),
        ({"file": [f"img_{i}" for i in range(5)], "title": LONG}, "image"),
        ({"foo": [f"b/{i}.PNG" for i in range(5)], "text": LONG}, "image"),
        ({"scan": [f"b/{i}.dcm" for i in range(5)], "comment": LONG}, "image"),
        ({"source": [f"https://x.org/{i}.html" for i in range(5)], "comment": LONG}, "text"),
        ({"source": [f"b/{i}.md" for i in range(5)], "comment": LONG}, "text"),
        ({"id": [f"{i:032x}" for i in range(5)]}, "image"),
        ({"text": [1, 2, 3, 4, 5]}, "image"),
        ({"url": [f"https://x.org/{i}/a-long-address" for i in range(5)]}, "image"),
        ({"at": [f"2024-01-0{i + 1} 10:00:00" for i in range(5)]}, "image"),
        ({"foo": LONG, "bar": LONG}, "image"),
    ],
)
@pytest.mark.parametrize("form", ["frame", "csv", "parquet"])
def test_a_table_is_of_texts_if_a_column_holds_texts_and_none_images(
    columns: dict[str, Any], kind: str, form: str, tmp_path: Path
) -> None:
    frame = pd.DataFrame({**columns, "label": list("aabba")})
    if form == "csv":
        frame.to_csv(tmp_path / "a.csv", index=False)
    elif form == "parquet":
        frame.to_parquet(tmp_path / "a.parquet")
    assert kind_of(frame if form == "frame" else tmp_path / f"a.{form}") == kind


def test_bytes_and_lists_are_no_texts() -> None:
    for cell in (b"abc", ["a b", "c d"], np.zeros(3), True):
        assert kind_of(pd.DataFrame({"text": [cell] * 5, "label": list("aabba")})) == "image"


def test_it_is_told_by_the_first_rows_of_a_table_however_large(tmp_path: Path) -> None:
    """Also where the part that is read ends within a text and within a character."""
    for i, first in enumerate(("", "x" * 900_000)):
        path = tmp_path / f"{i}.csv"
        path.write_text(
            "text,label\n" + f'"é, ü\nand more {first}",a\n' * 40_000 if not first else f"text,label\n{first} y,a\n"
        )
        assert kind_of(path) == "text"
    (tmp_path / "a.jsonl").write_text('{"text": "é, ü and more", "label": 1}\n' * 20_000)
    assert kind_of(tmp_path / "a.jsonl") == "text"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ((LONG, list("aabba")), "text"),
        (([None, *LONG], list("aaabba")), "text"),
        (([(a, a) for a in LONG], list("aabba")), "text"),
        ((["a.png", "gone.png"], ["a", "b"]), "image"),
        (([Path("a"), Path("b")], ["a", "b"]), "image"),
        ((np.zeros((4, 8, 8), np.uint8), list("abab")), "image"),
        (([None, None], ["a", "b"]), "image"),
        (3, "image"),
        ("no such folder", "image"),
    ],
)
def test_what_is_in_memory_is_texts_if_it_is_strings_that_name_no_file(data: Any, kind: str) -> None:
    assert kind_of(data) == kind


def test_strings_that_name_files_are_images_whatever_these_end_in(tmp_path: Path) -> None:
    (tmp_path / "scan").write_bytes(b"")
    assert kind_of(([str(tmp_path / "scan"), "b c"], ["a", "b"])) == "image"


def test_a_data_set_is_what_its_samples_are() -> None:
    assert kind_of(load((LONG, list("aabba")))) == "text"
    assert kind_of(load((np.zeros((4, 8, 8), np.uint8), list("abab")))) == "image"


IMAGE = Image.new("RGB", (8, 8))
NAMES = [f"photos/{i}.png" for i in range(5)]


@pytest.mark.parametrize("as_data_set", [False, True])
@pytest.mark.parametrize(
    ("data", "kind", "found", "do"),
    [
        ((LONG, list("aabba")), "image", "the data: texts are found, and images", "one for texts, such as minilm"),
        (([IMAGE] * 4, list("abab")), "text", "the data: images are found, and texts", "one for images, such as lite0"),
    ],
)
def test_what_is_of_the_other_kind_than_is_to_be_read_is_refused(
    data: Any, kind: Any, found: str, do: str, as_data_set: bool
) -> None:
    with pytest.raises(DataError, match=found) as error:
        load(load(data) if as_data_set else data, kind=kind)
    assert do in error.value.do
    assert f"{kind}s in memory" in error.value.expected


def test_folders_and_tables_of_the_other_kind_are_refused_and_unclear_ones_read(tree: Maker, tmp_path: Path) -> None:
    photos, notes = tree("photos/cats/a.png"), tree("notes/dogs/b.txt")
    frame = pd.DataFrame({"image": NAMES, "caption": LONG, "label": list("aabba")})
    with pytest.raises(DataError, match=r"photos: images are found, and texts"):
        load(photos / "photos", kind="text")
    with pytest.raises(DataError, match=r"notes: texts are found, and images"):
        load(notes / "notes", kind="image")
    with pytest.raises(DataError, match="texts are found, and images"):
        load(frame[["caption", "label"]], kind="image")
    with pytest.raises(DataError, match="images are found, and texts"):
        load(frame[["image", "label"]], kind="text")
    assert load(frame, kind="text").kind == "text"  # it holds both
    with pytest.raises(DataError, match=r"there is no file photos/0\.png"):
        load(frame, kind="image")
    (tmp_path / "neither").mkdir()
    with pytest.raises(DataError, match="no class folder"):
        load(tmp_path / "neither", kind="text")


def test_columns_of_the_other_kind_are_refused() -> None:
    frame = pd.DataFrame({"image": NAMES, "caption": LONG, "label": list("aabba")})
    with pytest.raises(DataError, match="'caption' is named for texts, and images are to be read"):
        load(frame, kind="image", text_column="caption")
    with pytest.raises(DataError, match="'image' is named for images, and texts are to be read"):
        load(frame, kind="text", path_column="image")
    with pytest.raises(DataError, match=r"holds the names of images \(photos/0\.png\)") as error:
        load(frame, text_column="image")
    assert "--path-column" in error.value.do


def test_images_with_texts_among_them_are_refused(tree: Maker) -> None:
    with pytest.raises(DataError, match="1 is the place of an image, 0 that of a text"):
        load(([LONG[0], IMAGE, None, LONG[1]], list("abab")))
    with pytest.raises(DataError, match="hold no image: dogs; there are texts in dogs"):
        load(tree("cats/a.png", "dogs/b.txt"))


def test_inputs_of_the_other_kind_are_refused_or_answered_with_their_file(tree: Maker) -> None:
    root = tree("photos/a.png", "notes/b.txt")
    with pytest.raises(DataError, match="images are found, and texts") as error:
        load_inputs(root / "photos", kind="text")
    assert "the model" in error.value.do
    with pytest.raises(DataError, match="texts are found, and images"):
        load_inputs([root / "notes"])
    with pytest.raises(DataError, match="images are found, and texts"):
        load_inputs(pd.DataFrame({"image": NAMES}), kind="text")
    photo = str(root / "photos" / "a.png")
    assert [s.source for s in load_inputs([photo], kind="text")] == [Path(photo)]  # no text: its row will say so


def test_a_named_column_says_the_kind(tmp_path: Path) -> None:
    frame = pd.DataFrame({"foo": ["1", "2"], "label": ["a", "b"]})
    assert load(frame, text_column="foo").kind == kind_of(frame, text_column="foo") == "text"
    assert kind_of(frame.assign(text=LONG[:2]), path_column="foo") == "image"
    with pytest.raises(DataError, match="both a path column and a text column"):
        load(frame, path_column="foo", text_column="foo")
    with pytest.raises(DataError, match="there is no file 1"):
        load(frame.assign(text=LONG[:2]), path_column="foo")
    with pytest.raises(DataError, match="columns belong to tables"):
        load(tmp_path, text_column="foo")
