"""What is wrong with a data set. Row numbers are those of the list of known faults."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tests.data.conftest import Maker, draw, tree_hash
from warmstart.data.audit import audit
from warmstart.data.contact import contact_sheet
from warmstart.data.findings import Audit
from warmstart.data.lookalike import look_alikes
from warmstart.data.pixels import PixelStore
from warmstart.data.schema import Dataset
from warmstart.data.sources import load
from warmstart.data.split import split
from warmstart.preprocess.spec import PreprocessSpec


def divided(tree: Maker) -> Path:
    return tree(*(f"{part}/{name}/{i}.png" for part in ("train", "test") for name in ("cat", "dog") for i in range(5)))


def test_a_clean_data_set_has_no_problems(tree: Maker) -> None:
    data = load(divided(tree))
    found = audit(data, split(data))
    assert found.problems == ()
    assert found.counts == {"cat": 10, "dog": 10}
    assert found.parts == {"train": 8, "val": 2, "test": 10}
    assert found.sizes == {"smallest": [12, 12], "median": [12, 12], "largest": [12, 12]}
    assert (found.modes, found.unusual) == ({"RGB": 20}, {})


def test_unreadable_images_are_listed_with_path_and_reason(tree: Maker) -> None:
    """Row 1."""
    root = divided(tree)
    whole = draw(root / "train/cat/big.png", 99, side=200).read_bytes()
    (root / "train/cat/half.png").write_bytes(whole[: len(whole) // 2])
    (root / "train/dog/empty.jpg").write_bytes(b"")
    found = audit(load(root))
    assert [name for name, _ in found.corrupt] == ["train/cat/half.png", "train/dog/empty.jpg"]
    assert "truncated" in found.corrupt[0][1]
    assert found.problems[0].startswith("2 image(s) cannot be read: train/cat/half.png (cannot be read: ")


def test_copies_within_and_across_parts_are_told_apart(tree: Maker) -> None:
    """Row 19."""
    root = divided(tree)
    shutil.copy(root / "train/cat/0.png", root / "train/cat/copy.png")
    shutil.copy(root / "train/dog/0.png", root / "test/dog/copy.png")
    Image.open(root / "train/dog/1.png").save(root / "test/dog/same.bmp")  # the same pixels in another format
    found = audit(load(root))
    assert found.duplicate_count == 3
    assert ("train/cat/0.png", "train/cat/copy.png") in found.duplicates
    assert found.leaks == (("train/dog/0.png", "test/dog/copy.png"), ("train/dog/1.png", "test/dog/same.bmp"))
    assert (found.leak_count, found.near_leak_count, found.conflicting) == (2, 0, ())
    assert "2 image(s) of validation or test are also in another part" in found.problems[0]


def test_look_alikes_across_parts_are_a_finding_of_their_own(tree: Maker, photos: dict[str, Image.Image]) -> None:
    """Row 19."""
    root = divided(tree)
    photos["daisy"].save(root / "train/dog/photo.png")
    photos["daisy"].resize((320, 213)).save(root / "test/dog/smaller.jpg", quality=70)
    found = audit(load(root))
    assert found.near_leaks == (("train/dog/photo.png", "test/dog/smaller.jpg"),)
    assert found.leaks == ()
    assert "look like one in another part" in found.problems[0]


def test_real_pictures_of_one_kind_are_not_taken_for_look_alikes(digits: Dataset) -> None:
    data = dataclasses.replace(
        digits,
        samples=tuple(dataclasses.replace(s, split="test" if i % 2 else "train") for i, s in enumerate(digits.samples)),
    )
    assert audit(data).near_leak_count == 0


def test_flat_pictures_are_not_look_alikes(tree: Maker) -> None:
    root = divided(tree)
    Image.new("RGB", (20, 20), "red").save(root / "train/cat/red.png")
    Image.new("RGB", (20, 20), "blue").save(root / "test/cat/blue.png")
    assert audit(load(root)).near_leaks == ()


def test_the_same_image_with_two_labels_is_found(tree: Maker) -> None:
    root = divided(tree)
    shutil.copy(root / "train/cat/0.png", root / "train/dog/also.png")
    found = audit(load(root))
    assert found.conflicting == (("train/cat/0.png", "train/dog/also.png"),)
    assert any("different labels" in problem for problem in found.problems)


@pytest.mark.parametrize("label", ["cat", "dog"])
def test_a_copy_in_another_part_is_a_leak_whatever_its_label(label: str, tree: Maker) -> None:
    """Row 19: training refuses nothing, but says it, and a contradiction beside it."""
    root = divided(tree)
    shutil.copy(root / "train/cat/0.png", root / f"test/{label}/copy.png")
    found = audit(load(root))
    assert found.leaks == (("train/cat/0.png", f"test/{label}/copy.png"),)
    assert len(found.conflicting) == (label == "dog")


def test_a_look_alike_has_nearly_the_same_outline_and_nearly_the_same_greys() -> None:
    """Row 19: the closest is named."""

    def grey(value: int) -> bytes:
        return bytes([value] * 256)

    known = {0: (0b1011, grey(100)), 1: (0b1011, grey(104)), 2: (0, grey(107))}
    asked = {10: (0b1011, grey(103)), 11: (0b1010, grey(98)), 12: (0b1000, grey(100)), 13: (0b1011, grey(108))}
    assert list(look_alikes(known, asked)) == [(1, 10), (0, 11)]


def test_groups_in_more_than_one_part_are_found(tmp_path: Path) -> None:
    """Row 19."""
    rows = [
        f"{draw(tmp_path / f'{i}.png', i).name},{'ab'[i % 2]},{'train' if i < 8 else 'test'},p{i % 9}"
        for i in range(12)
    ]
    (tmp_path / "t.csv").write_text("path,label,split,patient\n" + "\n".join(rows))
    found = audit(load(tmp_path / "t.csv", group="patient"))
    assert found.groups_across == ("p0", "p1", "p2")
    assert "3 group(s) lie in more than one part: p0, p1, p2" in found.problems[0]


def test_small_and_uneven_classes_are_told(tree: Maker) -> None:
    """Row 12."""
    found = audit(load(tree(*(f"cat/{i}.png" for i in range(30)), "dog/0.png", "dog/1.png")))
    assert found.few == {"dog": 2}
    assert found.imbalance == 15
    assert found.problems == (
        "fewer than 5 samples: dog (2)",
        "the largest class has 15 times the samples of the smallest",
    )


def test_what_was_converted_is_counted(tree: Maker) -> None:
    """Row 4."""
    root = divided(tree)
    for i in range(3):
        Image.new("RGBA", (9, 9), (i, 0, 0, 90)).save(root / f"train/cat/clear{i}.png")
    Image.new("CMYK", (9, 9), (9, 9, 9, 9)).save(root / "train/dog/print.jpg")
    found = audit(load(root))
    assert found.unusual == {"transparency composited on white": 3, "CMYK converted to RGB": 1}
    assert found.modes == {"RGB": 20, "RGBA": 3, "CMYK": 1}


def test_of_a_very_large_set_a_random_choice_is_looked_at_and_that_is_said(tree: Maker) -> None:
    found = audit(load(divided(tree)), limit=5)
    assert sum(found.modes.values()) == 5
    assert "15 of 20 images were not looked at" in found.problems[-1]
    assert found == audit(load(divided(tree)), limit=5, workers=0)


def test_decisions_taken_before_are_passed_on(tree: Maker) -> None:
    (root := divided(tree)).joinpath("train/cat/x.txt").write_text("")
    data = load(root)
    assert audit(data).problems == data.notes != ()


def test_the_findings_are_plain_data_with_the_problems_in_words(tree: Maker) -> None:
    data = load(divided(tree))
    plain = audit(data).to_dict()
    assert json.loads(json.dumps(plain))["problems"] == plain["problems"] == []


def test_progress_counts_every_image(tree: Maker) -> None:
    steps: list[int] = []
    audit(load(divided(tree)), progress=steps.append)
    assert sum(steps) == 20


def test_the_data_folder_is_byte_identical_after_everything(tree: Maker) -> None:
    """Row 2."""
    root = divided(tree)
    (root / "train/cat/bad.jpg").write_bytes(b"\xff\xd8\xff")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (20, 10), "red").save(root / "train/cat/turned.jpg", exif=exif)
    before = tree_hash(root)
    data = load(root)
    audit(data, split(data))
    contact_sheet(data)
    PixelStore(data, PreprocessSpec(16)).preload(range(len(data)))
    assert tree_hash(root) == before


@pytest.fixture(scope="module")
def digits() -> Dataset:
    found = load_digits()
    return load((found.images[:300], found.target[:300]))


def test_real_digits_have_no_leaks(digits: Dataset) -> None:
    found: Audit = audit(digits, split(digits))
    assert (found.corrupt, found.leak_count, found.conflicting) == ((), 0, ())


def test_the_sheet_has_a_row_for_each_class_and_a_square_for_each_sample(digits: Dataset) -> None:
    sheet = contact_sheet(digits, per_class=5, size=40)
    wider = contact_sheet(digits, per_class=6, size=40)
    assert wider.width - sheet.width == 46
    assert sheet.height == 2 * 24 + 10 * 46 - 6
    right = np.asarray(sheet.convert("L"))[:, -24 - 5 * 46 :]
    assert (right[24:64, :40] < 100).any()


def test_the_sheet_shows_what_cannot_be_read_and_says_what_is_left_out(tree: Maker) -> None:
    root = tree(*(f"{i}/a.png" for i in range(45)))
    (root / "0/b.png").write_bytes(b"nothing")
    (root / "a\x1bb").mkdir()
    draw(root / "a\x1bb" / "x.png")
    sheet = contact_sheet(load(root), size=20)
    assert sheet.height == 2 * 24 + 40 * 26 - 6 + 24 + 12


def test_the_sheet_writes_names_that_are_not_english() -> None:
    def sheet(name: str) -> bytes:
        return contact_sheet(load((np.zeros((2, 8, 8), np.uint8), [name, "z"])), size=32).tobytes()

    for one, other in (("Käse", "Kåse"), ("Кот", "Рот"), ("Ωμ", "Ωλ")):
        assert sheet(one) != sheet(other)  # a font without the letter draws the same box for both


def test_an_audit_names_the_extra_that_reads_heic(tree: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 5."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    root = divided(tree)
    (root / "train/cat/phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 16)
    assert "pip install 'warmstart[heic]'" in audit(load(root)).problems[0]
