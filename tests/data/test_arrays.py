from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.data.conftest import draw
from warmstart.data.schema import Sample
from warmstart.data.sources import load, load_inputs
from warmstart.errors import DataError
from warmstart.preprocess.reader import read_image


@pytest.mark.parametrize("shape", [(4, 8, 6), (4, 8, 6, 1), (4, 8, 6, 3), (4, 8, 6, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.uint16])
def test_a_stack_of_images_is_a_data_set(shape: tuple[int, ...], dtype: Any) -> None:
    data = load((np.ones(shape, dtype), np.array([0, 1, 0, 10])))
    assert data.target.classes == ("0", "1", "10")
    assert [s.id for s in data.samples] == ["row-0", "row-1", "row-2", "row-3"]
    assert read_image(data.samples[0].source).size == (6, 8)


def test_a_list_may_mix_paths_images_and_arrays(tmp_path: Path) -> None:
    images = [draw(tmp_path / "a.png"), str(tmp_path / "a.png"), Image.new("L", (12, 12)), np.zeros((12, 12), np.uint8)]
    data = load((images, ["a", "b", "a", "b"]))
    assert [read_image(s.source).size for s in data.samples] == [(12, 12)] * 4


def test_groups_can_be_given() -> None:
    data = load((np.zeros((3, 4, 4)), ["a", "b", "a"]), group=["p", None, "q"])
    assert [s.group for s in data.samples] == ["p", None, "q"]


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (np.zeros((3, 4, 4)), ["a", "b"], "3 images, 2 labels"),
        (np.zeros((2, 3, 8, 8)), ["a", "b"], r"(?s)\(2, 3, 8, 8\).*transpose\(0, 2, 3, 1\)"),
        (np.zeros((2, 8, 8, 3, 1)), ["a", "b"], r"shape \(2, 8, 8, 3, 1\)"),
        (np.zeros((2, 4, 4)), ["a", None], "position 1 is missing"),
        (np.zeros((2, 4, 4)), np.array([0, np.nan]), "position 1 is missing"),
        (np.zeros((2, 4, 4)), np.eye(2), r"labels of shape \(2, 2\)"),
        (np.zeros((2, 4, 4)), ["a", "a"], "1 class"),
        ([3, 4], ["a", "b"], "type int"),
        ([], [], "0 class"),
    ],
)
def test_what_does_not_fit_is_an_error_that_says_why(images: Any, labels: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        load((images, labels))


@pytest.mark.parametrize("thing", [3, None, {"a": 1}, ("a",)])
def test_what_is_no_data_is_an_error_that_lists_what_is(thing: Any) -> None:
    with pytest.raises(DataError, match=r"(?s)type.*a folder, a table"):
        load(thing)


def test_a_data_set_is_returned_as_it_is() -> None:
    data = load((np.zeros((2, 4, 4)), ["a", "b"]))
    assert load(data) is data


def test_images_to_answer_for_may_be_one_or_many() -> None:
    one = np.zeros((8, 8, 3), np.uint8)
    assert len(load_inputs(one)) == 1
    assert len(load_inputs(np.zeros((5, 8, 8, 3), np.uint8))) == 5
    assert len(load_inputs(np.zeros((5, 8, 9), np.uint8))) == 5
    assert len(load_inputs(Image.new("L", (4, 4)))) == 1
    assert [s.id for s in load_inputs([Sample("mine", one), one])] == ["mine", "row-1"]
