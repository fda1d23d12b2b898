"""Series in memory, and files of NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from warmstart.data.schema import Series
from warmstart.data.sources import kind_of, load, load_inputs
from warmstart.errors import DataError

LABELS = ["a", "b", "a", "b"]
RANDOM = np.random.default_rng(0)


def test_an_array_of_series_is_found_and_one_of_images_stays_one() -> None:
    assert kind_of((np.zeros((4, 30)), LABELS)) == "series"
    assert kind_of((np.zeros((4, 28, 28)), LABELS)) == "image"
    assert kind_of((np.zeros((4, 28, 28, 3)), LABELS)) == "image"
    assert kind_of(([np.zeros(5), np.zeros(7)], ["a", "b"])) == "series"
    assert kind_of(([[1, 2, 3], [4, 5.5]], ["a", "b"])) == "series"
    assert load((np.zeros((4, 28, 28)), LABELS), kind="series").samples[0].source.values.shape == (28, 28)


def test_images_are_refused_where_series_are_to_be_read_and_the_other_way_round() -> None:
    with pytest.raises(DataError, match="images are found, and series are to be read"):
        load((np.zeros((4, 28, 28, 3)), LABELS), kind="series")
    with pytest.raises(DataError, match="series are found, and images are to be read"):
        load((np.zeros((4, 30)), LABELS), kind="image")
    with pytest.raises(DataError, match="series are found, and texts are to be read"):
        load((np.zeros((4, 30)), LABELS), kind="text")


def test_an_option_of_series_says_that_they_are_series() -> None:
    data = load((RANDOM.normal(size=(4, 3, 28)), LABELS), rate=50)
    assert data.kind == "series"
    assert data.samples[0].source.rate == 50
    with pytest.raises(DataError, match="options of several kinds"):
        load((np.zeros((4, 3, 28)), LABELS), rate=50, text_column="a")


def test_lists_of_unequal_lengths_are_series_of_unequal_lengths() -> None:
    data = load(([RANDOM.normal(size=(2, n)) for n in (5, 9, 7, 6)], LABELS), kind="series")
    assert [s.source.steps for s in data.samples] == [5, 9, 7, 6]


@pytest.mark.parametrize(
    ("series", "told"),
    [
        ([np.zeros((2, 5)), np.zeros((3, 5)), np.zeros((2, 5)), np.zeros((2, 5))], r"position 1 has 3 channel\(s\)"),
        ([np.zeros((2, 5)), np.zeros((2, 0)), np.zeros((2, 5)), np.zeros((2, 5))], "position 1 has the shape"),
        ([[1.0, 2], [1, "x"], [1, 2], [1, 2]], "position 1"),
        (np.zeros((3, 5)), "3 series, 4 labels"),
        (np.zeros((4, 2, 3, 5)), r"series of shape \(4, 2, 3, 5\)"),
    ],
)
def test_what_is_no_series_is_told_with_its_place(series: object, told: str) -> None:
    with pytest.raises(DataError, match=told):
        load((series, LABELS), rate=1)


def test_groups_times_numbers_and_several_labels_stand_beside_arrays() -> None:
    series = RANDOM.normal(size=(4, 12))
    data = load((series, LABELS), group=["p", "p", "q", "q"], time=[4, 3, 2, 1])
    assert [(s.group, s.time) for s in data.samples] == [("p", 4), ("p", 3), ("q", 2), ("q", 1)]
    assert load((series, [1.5, 2, 3, 4]), task="regress").target.kind == "regress"
    assert load((series, np.eye(4, dtype=int)), task="multilabel").target.kind == "multilabel"
    with pytest.raises(DataError, match="'tag' for series"):
        load((series, LABELS), kind="series", task="tag")


def test_an_npz_file_holds_series_and_labels_and_maybe_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, X=RANDOM.normal(size=(4, 2, 9)), y=np.array(LABELS))
    data = load(path)
    assert (data.kind, data.counts, data.samples[0].source.values.shape) == ("series", {"a": 2, "b": 2}, (2, 9))
    parts: dict[str, Any] = {
        "X_train": np.ones((4, 9, 1)),
        "y_train": [1, 2, 1, 2],
        "X_test": np.ones((2, 9, 1)),
        "y_test": [1, 2],
    }
    np.savez(path, **parts)
    data = load(path)
    assert [s.split for s in data.samples] == ["train"] * 4 + ["test"] * 2
    assert data.samples[0].source.values.shape == (1, 9)
    assert "read as 4 series of 9 steps" in data.notes[0]


def test_a_file_of_objects_is_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", X=np.array([{"a": 1}], dtype=object))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(DataError, match="cannot be read"):
            load_inputs(tmp_path / name, kind="series")
    (tmp_path / "b.npz").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match="cannot be read"):
        load(tmp_path / "b.npz")


def test_inputs_are_read_in_every_form(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(12.0).reshape(4, 3))
    for inputs, count in (
        (np.zeros((4, 9)), 4),
        (np.zeros((4, 2, 9)), 4),
        (np.zeros(9), 1),
        ([1, 2, 3.5], 1),
        ([np.zeros(9), [1, 2, 3]], 2),
        (Series(np.zeros((2, 4))), 1),
        (tmp_path / "a.npy", 4),
        ([tmp_path / "a.npy", str(tmp_path / "a.npy")], 8),
    ):
        samples = load_inputs(inputs, kind="series")
        assert len(samples) == count
        assert all(isinstance(s.source, Series) and s.label is None for s in samples)
        assert len({s.id for s in samples}) == count
    with pytest.raises(DataError, match="no input"):
        load_inputs([], kind="series")
    with pytest.raises(DataError, match="there is no"):
        load_inputs(tmp_path / "missing.ts", kind="series")


def test_an_npz_of_another_zip_version_is_refused_in_words(tmp_path: Path) -> None:
    """Found by the fuzzer: zipfile raises NotImplementedError."""
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros((2, 3)), y=np.arange(2))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 220  # the version that is needed to extract the first entry
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read: zip file version"):
        load(path)
