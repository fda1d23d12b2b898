"""Folders as people have them. Row numbers are those of the list of known faults."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from tests.data.conftest import Maker
from warmstart.data.sources import load, load_inputs
from warmstart.errors import DataError

TWO = ("cat/1.png", "dog/1.png")


def test_each_folder_is_a_class_and_each_image_a_sample(tree: Maker) -> None:
    data = load(tree("dog/b.png", "cat/10.png", "cat/2.png", "cat/deep/er/x.png"))
    assert data.target.classes == ("cat", "dog")
    assert [s.id for s in data.samples] == ["cat/2.png", "cat/10.png", "cat/deep/er/x.png", "dog/b.png"]
    assert data.counts == {"cat": 3, "dog": 1}
    assert (data.name, data.notes) == ("photos", ())


def test_classes_are_sorted_as_people_count(tree: Maker) -> None:
    """Row 10."""
    assert load(tree("10/a.png", "2/a.png", "1/a.png")).target.classes == ("1", "2", "10")


def test_hidden_files_and_folders_are_no_data(tree: Maker) -> None:
    """Row 10."""
    root = tree(*TWO, ".git/x.png", "__MACOSX/cat/x.png", "cat/._1.png", "cat/.thumbs/x.png", "cat/Thumbs.db")
    data = load(root)
    assert [s.id for s in data.samples] == list(TWO)
    assert data.notes == ()


def test_files_that_are_no_images_are_counted_and_noted(tree: Maker) -> None:
    data = load(tree(*TWO, "cat/notes.txt", "dog/clip.mov", "readme.md"))
    assert len(data) == 2
    assert "3 file(s) are passed over" in data.notes[0]
    assert "cat/notes.txt" in data.notes[0]


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_folders_of_parts_divide_the_samples(val: str, tree: Maker) -> None:
    """Row 11."""
    data = load(tree(*(f"{part}/{name}" for part in ("train", val, "test") for name in TWO)))
    assert data.target.classes == ("cat", "dog")
    assert [s.split for s in data.samples].count("val") == 2
    assert {s.id.split("/")[0]: s.split for s in data.samples} == {"train": "train", val: "val", "test": "test"}


def test_train_can_be_a_class_among_others(tree: Maker) -> None:
    data = load(tree("car/1.png", "train/steam/1.png", "plane/1.png"))
    assert data.target.classes == ("car", "plane", "train")
    assert {s.split for s in data.samples} == {None}
    assert data.notes == ("train/ is taken for a class, since folders with images lie beside it: car, plane",)


def test_a_folder_without_images_beside_train_changes_nothing(tree: Maker) -> None:
    """Row 11."""
    data = load(tree("train/cat/1.png", "train/dog/1.png", "docs/readme.txt"))
    assert data.target.classes == ("cat", "dog")
    assert {s.split for s in data.samples} == {"train"}


def test_a_test_folder_without_class_folders_is_left_out_with_a_note(tree: Maker) -> None:
    data = load(tree("train/cat/1.png", "train/dog/1.png", "test/1.png", "test/2.png"))
    assert len(data) == 2
    assert "test/ has 2 images in no class folder" in data.notes[0]


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_class_that_train_lacks_is_named(part: str, tree: Maker) -> None:
    """Rows 9 and 13."""
    with pytest.raises(DataError, match=f"(?s){part} part.*wolf.*cat, dog"):
        load(tree("train/cat/1.png", "train/dog/1.png", f"{part}/wolf/1.png"))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "nothing lies"),
        (("1.png", "2.png"), "2 files lie"),
        (("cat/", "dog/"), "no folder in .* holds any image"),
        (("cat/1.png", "dog/"), "1 class folder.* no image: dog"),
        (("cat/1.png", "dog/x.txt"), "1 class folder.* no image: dog"),
        (("cat/1.png",), "only one class: cat"),
        (("train/cat/1.png", "test/cat/1.png"), "only one class: cat"),
        (("train/cat/1.png", "test/cat/1.png", "other/x/1.png"), "other folders with images: other"),
        (("photos/cat/1.png", "photos/dog/1.png"), "(?s)only one class.*give the folder .*photos/photos"),
    ],
)
def test_a_wrong_layout_shows_the_tree_found_beside_the_tree_expected(
    names: tuple[str, ...], words: str, tree: Maker
) -> None:
    """Row 11."""
    with pytest.raises(DataError, match=words) as caught:
        load(tree(*names))
    lines = str(caught.value).splitlines()
    head = next(line for line in lines if line.split() == ["found", "expected"])
    first = lines[lines.index(head) + 1]
    assert first.split()[0] == "photos/"
    assert first.index("DATA/") == head.index("expected")


def test_the_tree_found_is_called_by_its_name_where_the_path_is_a_dot(
    tree: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 11."""
    monkeypatch.chdir(tree("1.png"))
    with pytest.raises(DataError, match=r"\n  photos/"):
        load(".")


def test_a_loop_of_links_ends_and_a_link_to_nothing_is_noted(tree: Maker) -> None:
    """Row 8."""
    root = tree(*TWO)
    (root / "cat" / "loop").symlink_to(root / "cat", target_is_directory=True)
    (root / "cat" / "up").symlink_to(root / "cat" / "loop", target_is_directory=True)
    (root / "dog" / "gone.png").symlink_to(root / "nowhere.png")
    data = load(root)
    assert data.counts == {"cat": 1, "dog": 1}
    assert "dog/gone.png" in data.notes[0]


def test_odd_names_are_read(tree: Maker) -> None:
    """Row 8."""
    data = load(tree("big cat/a b.png", "猫 🐈/ü.png", f"{'x' * 200}/1.png"))
    assert data.counts == {"big cat": 1, "x" * 200: 1, "猫 🐈": 1}


def test_a_name_that_is_no_text_is_made_one(tree: Maker) -> None:
    """Row 8: bytes that are not UTF-8 in a file name; rows 41: a terminal escape in one."""
    root = tree(*TWO)
    (root / "cat/1.png").rename(root / "cat" / os.fsdecode(b"\xff.png"))
    (root / "dog").rename(root / "d\x1b[31mog")
    data = load(root)
    assert [s.id for s in data.samples] == ["cat/�.png", "d�[31mog/1.png"]
    assert all(Path(s.source).is_file() for s in data.samples)


def test_the_same_letter_stored_in_two_ways_is_one_class(tree: Maker) -> None:
    composed = unicodedata.normalize("NFC", "café")
    apart = unicodedata.normalize("NFD", "café")
    data = load(tree(f"train/{composed}/1.png", "train/dog/1.png", f"test/{apart}/1.png"))
    assert data.counts == {composed: 2, "dog": 1}


def test_folders_below_the_class_can_be_groups(tree: Maker) -> None:
    """Row 19."""
    data = load(tree("cat/p1/1.png", "cat/p2/1.png", "dog/p1/1.png", "dog/2.png"), group="folder")
    assert {s.id: s.group for s in data.samples} == {
        "cat/p1/1.png": "p1",
        "cat/p2/1.png": "p2",
        "dog/p1/1.png": "p1",
        "dog/2.png": None,
    }
    with pytest.raises(DataError, match="'folder'"):
        load(tree("cat/1.png"), group="patient")


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar.gz", "photos.tar"])
def test_an_archive_is_refused_with_the_advice_to_unpack_it(name: str, tmp_path: Path) -> None:
    """Row 39."""
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match=r"(?s)archive.*unpack"):
        load(tmp_path / name)


@pytest.mark.parametrize("name", ["nothing", "x" * 5000])
def test_a_path_that_leads_nowhere_is_named(name: str, tmp_path: Path) -> None:
    """Row 8."""
    with pytest.raises(DataError, match=name[:20]):
        load(tmp_path / name)


def test_columns_belong_to_tables(tree: Maker) -> None:
    with pytest.raises(DataError, match="folder"):
        load(tree(*TWO), label_column="label")


def test_images_to_answer_for_are_found_in_any_layout(tree: Maker, tmp_path: Path) -> None:
    root = tree("b.png", "a/10.png", "a/2.png", "a/.hidden.png", "x.txt")
    found = [Path(s.id).relative_to(root).as_posix() for s in load_inputs(root)]
    assert found == ["a/2.png", "a/10.png", "b.png"]
    assert [s.id for s in load_inputs([root / "b.png", str(root / "gone.png")])] == [
        (root / "b.png").as_posix(),
        (root / "gone.png").as_posix(),
    ]  # row 18: that a file is missing is found when it is read, as fit's policy has it
    assert len(load_inputs([root / "b.png", "x" * 5000])) == 2  # row 8: the one is answered, the other an error
    (tmp_path / "empty").mkdir()
    nothings: tuple[object, ...] = (tmp_path / "empty", [])
    for nothing in nothings:
        with pytest.raises(DataError, match=r"no im|no input"):
            load_inputs(nothing)
