"""Parts cut by time, and copies kept in one part."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from tests.data.conftest import Maker, draw
from tests.data.test_split import made, named
from warmstart.data.schema import Dataset
from warmstart.data.sources import load
from warmstart.data.sources.times import as_times
from warmstart.data.split import folds, split
from warmstart.errors import DataError


def taken(data: Dataset, times: list[float]) -> Dataset:
    samples = tuple(dataclasses.replace(s, time=t) for s, t in zip(data.samples, times, strict=True))
    return dataclasses.replace(data, samples=samples)


def test_the_latest_samples_are_the_test_and_those_before_them_validation() -> None:
    times = [float(t) for t in np.random.default_rng(0).permutation(20)]
    parts = split(taken(made(list("ab" * 10)), times))
    for name, wanted in (("train", range(12)), ("val", range(12, 16)), ("test", range(16, 20))):
        assert sorted(times[i] for i in getattr(parts, name)) == list(wanted)
    assert parts.how.startswith("by time, the latest last, not stratified: 12 train")


@given(
    rows=st.lists(st.tuples(st.integers(0, 15), st.integers(0, 6)), min_size=3, max_size=60),
    grouped=st.booleans(),
)
def test_no_time_and_no_group_is_divided_and_train_ends_before_validation_begins(
    rows: list[tuple[int, int]], grouped: bool
) -> None:
    times, groups = [float(t) for t, _ in rows], [f"g{g}" for _, g in rows]
    data = taken(made(list("a" * len(rows)), list(groups) if grouped else None), times)
    latest = {g: max(t for t, other in zip(times, groups, strict=True) if other == g) for g in groups}
    own = [latest[g] for g in groups] if grouped else times
    if len(set(own)) < 3:
        with pytest.raises(DataError, match="different time"):
            split(data)
        return
    parts = named(split(data))
    assert sorted(parts["train"] + parts["val"] + parts["test"]) == list(range(len(rows)))
    ends = [sorted(own[i] for i in parts[name]) for name in ("train", "val", "test")]
    assert ends[0][-1] < ends[1][0]
    assert ends[1][-1] < ends[2][0]


def test_a_class_that_is_first_seen_later_is_an_error_unless_it_has_one_sample() -> None:
    times = [float(t) for t in range(10)]
    with pytest.raises(DataError, match="first seen after the training part ends: c"):
        split(taken(made(list("abababaccb")), times))
    parts = split(taken(made(list("ababababac")), times))
    assert 9 in parts.train
    assert "one sample only, kept in train and not evaluated: c" in parts.notes


def test_folds_by_time_learn_from_everything_before_and_from_nothing_else() -> None:
    times = np.random.default_rng(0).permutation(30)
    parts = folds(np.array([0, 1] * 15), 4, time=times.tolist())
    assert [(len(train), len(held)) for train, held in parts] == [(6, 6), (12, 6), (18, 6), (24, 6)]
    for train, held in parts:
        assert sorted(times[train]) == list(range(len(train)))
        assert times[train].max() < times[held].min()
    grouped = folds(np.zeros(6, np.int64), 2, groups=list("aabbca"), time=[0, 1, 2, 3, 4, 5])
    assert [(train.tolist(), held.tolist()) for train, held in grouped] == [([2, 3], [4]), ([2, 3, 4], [0, 1, 5])]
    with pytest.raises(DataError, match=r"1 time\(s\)"):
        folds(np.array([0, 1]), 2, time=[1.0, 1.0])


@pytest.mark.parametrize(
    "cells",
    [
        ["3", "1", "2.5"],
        ["2024-03-01", "2024-01-31 10:00", "2024-02-01T00:00:00+01:00"],
        ["1 Mar 2024", "31 Jan 2024", "1 Feb 2024"],
        ["3/13/2024", "1/31/2024", "2/1/2024"],
        ["13.03.2024", "31.01.2024", "01.02.2024"],
    ],
)
def test_times_are_ordered_however_they_are_written(cells: list[str]) -> None:
    assert np.argsort(as_times(cells, [])).tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("cells", "match"),
    [
        (["2024-01-01", "soon"], "row 2: 'soon' is no time"),
        (["7", "", "9"], "row 2: the time is empty"),
        (["1", "nan", "2"], "row 2: 'nan' is no time"),
        (["01/02/2024", "03/02/2024"], r"'01/02/2024' and all other times can be read as %m/%d/%Y and as %d/%m/%Y"),
    ],
)
def test_what_is_no_time_is_named_by_its_row(cells: list[str], match: str) -> None:
    with pytest.raises(DataError, match=match):
        as_times(cells, [])


def test_times_come_from_a_column_a_sequence_or_the_photos(tree: Maker, tmp_path: Path) -> None:
    root = tree(*(f"{name}/{i}.png" for name in ("cat", "dog") for i in range(2)))
    days = [datetime.datetime(2024, 1, day, tzinfo=datetime.UTC) for day in (4, 2, 3, 1)]
    files = sorted(root.rglob("*.png"))
    frame = pd.DataFrame({"path": files, "label": [f.parent.name for f in files], "day": days})
    seconds = [day.timestamp() for day in days]
    assert [s.time for s in load(frame, time="day").samples] == seconds
    in_memory = load((np.zeros((4, 2, 2), np.uint8), list("abab")), time=days)
    assert [s.time for s in in_memory.samples] == seconds
    with pytest.raises(DataError, match=r"4 of 4 photos do not say when they were taken: cat/0.png"):
        load(root, time="exif")
    for i, day in enumerate(days):
        exif = Image.Exif()
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = day.strftime("%Y:%m:%d %H:%M:%S")
        place = tmp_path / f"taken/{'ab'[i % 2]}/{i}.jpg"
        Image.open(draw(place, i)).save(place, exif=exif)
    assert [s.time for s in load(tmp_path / "taken", time="exif").samples] == [seconds[i] for i in (0, 2, 1, 3)]
    with pytest.raises(DataError, match="time 'day' for a folder"):
        load(root, time="day")
