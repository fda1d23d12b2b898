"""What `check` says of series: facts, copies, what lies across parts, and what is strange."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from warmstart.cli.main import app
from warmstart.data import seriesscan as scan
from warmstart.data.audit import audit
from warmstart.data.findings import Audit
from warmstart.data.schema import Dataset, Series
from warmstart.data.seriesalike import outline, overlapping, runs, same_shapes
from warmstart.data.sources import load
from warmstart.data.split import split
from warmstart.data.together import copies

RNG = np.random.default_rng(0)


def series(n: int = 8, steps: int = 100, channels: int = 1) -> np.ndarray:
    return RNG.normal(size=(n, channels, steps))


def looked(values: Any) -> tuple[str, ...]:
    return scan.look_at_series(Series(np.atleast_2d(np.asarray(values, dtype=float)))).unusual


def checked(data: Dataset) -> Audit:
    parts = split(data, copies=copies(data, scan.read_looks(data)))
    return audit(data, parts)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.ones(20), (scan.CONSTANT,)),
        ([np.ones(20), RNG.normal(size=20)], (scan.FLAT_CHANNEL,)),
        ([np.nan] * 20, (scan.EMPTY,)),
        ([3.0], (scan.ALONE,)),
        ([1.0, 2, 3], (scan.FEW,)),
        ([*RNG.normal(size=20), np.inf], (scan.INFINITE,)),
        ([*RNG.normal(size=20), np.nan, 0], (scan.MISSING,)),
        (np.minimum(np.sin(np.arange(200) / 9), 0.8), (scan.CLIPPED,)),
        (np.sin(np.arange(200) / 9), ()),
        (np.arange(200) % 2, ()),
    ],
)
def test_what_is_strange_in_a_series_is_said(values: Any, told: tuple[str, ...]) -> None:
    assert looked(values) == told


def test_counts_and_shares_are_told() -> None:
    values = series(20)
    values[0, 0, :5] = np.nan
    values[1, 0, 3] = np.inf
    values[2] = 7
    found = audit(load((values, ["a", "b"] * 10), rate=50))
    assert "1 series have missing values, which are filled in between their neighbours in time" in found.problems
    assert "1 series have infinite values, which are taken as missing" in found.problems
    assert "1 series are constant, and are read as zeros where values are scaled" in found.problems
    assert "0.30% of all values are missing" in found.problems
    assert found.series["steps"] == [100, 100, 100]
    assert found.series["rates"] == {"50": 20}


def test_a_rate_that_differs_is_told() -> None:
    found = [Series(values, rate) for values, rate in zip(series(4), (50, 50, 50, 100), strict=True)]
    assert (
        "series have different numbers of steps per second: 50 (3), 100 (1)" in audit(load((found, [*"abab"]))).problems
    )


@given(scale=st.floats(0.01, 1000), offset=st.floats(-1000, 1000), flip=st.booleans())
def test_the_same_at_another_offset_and_scale_is_found_and_its_mirror_is_not(
    scale: float, offset: float, flip: bool
) -> None:
    values = np.random.default_rng(1).normal(size=(2, 90))
    other = np.round((-1 if flip else 1) * scale * values + offset, 6)
    found = [*same_shapes({3: outline(values), 5: outline(other), 7: outline(values[:, ::-1])})]
    assert found == ([] if flip else [(3, 5)])


@given(begin=st.integers(0, 150), channels=st.integers(1, 3))
def test_windows_that_share_steps_are_found(begin: int, channels: int) -> None:
    long = np.random.default_rng(2).normal(size=(channels, 300))
    windows = {0: runs(long[:, :150]), 1: runs(long[:, begin : begin + 150]), 2: runs(-long[:, :150])}
    found = [*overlapping(windows)]
    if begin <= 75:
        assert found == [(0, 1)]
    elif begin >= 140:
        assert not found


def test_different_series_of_a_real_set_are_no_copies(archive: Path) -> None:
    for name in ("GunPoint", "ACSF1", "BasicMotions", "JapaneseVowels"):
        looks = dict(enumerate(scan.read_looks(load(archive / name))))
        alike = [*scan.series_alike({i: found for i, found in looks.items() if isinstance(found, scan.SeriesLook)})]
        assert len(alike) == 0, name


def test_copies_across_given_parts_are_told_and_kept_together_where_parts_are_made() -> None:
    values, labels = series(40), ["a", "b"] * 20
    values[1], values[3] = values[0], 5 * values[2] + 1
    values[5, 0, :60] = values[4, 0, 40:]
    data = load((values, labels), kind="series")
    parts = split(data, copies=copies(data, scan.read_looks(data)))
    for pair in ((0, 1), (2, 3), (4, 5)):
        assert any(set(pair) <= set(part.tolist()) for part in (parts.train, parts.val, parts.test))
    assert "3 series are copies of another, or look just like it, and are kept in its part" in parts.notes
    found = audit(data, parts)
    assert found.duplicates == (("row-0", "row-1"),)
    assert not (*found.leaks, *found.near_leaks)


def test_what_lies_in_two_given_parts_is_told(tmp_path: Path) -> None:
    values = series(12)
    values[8], values[9] = values[0], 2 * values[1] - 3
    np.savez(
        tmp_path / "a.npz", X_train=values[:8], y_train=[*"abababab"], X_test=values[8:], y_test=[*"abab"]
    )  # fmt: skip
    problems = "\n".join(checked(load(tmp_path / "a.npz")).problems)
    assert "1 series of validation or test are also in another part: test/row-0 = train/row-0" in problems
    assert (
        "1 series of validation or test overlap, or differ in offset and scale alone from, one in another" in problems
    )


def test_classes_that_were_recorded_one_after_the_other_are_told() -> None:
    values = series(40)
    ordered = load((values, ["a"] * 20 + ["b"] * 20), time=np.arange(40).tolist(), kind="series")
    assert any(
        "the time tells the class: in its order 40 samples make 2 stretches" in p for p in audit(ordered).problems
    )
    mixed = load((values, ["a", "b"] * 20), time=np.arange(40).tolist(), kind="series")
    assert not any("tells the class" in problem for problem in audit(mixed).problems)
    unknown = load((values, ["a"] * 20 + ["b"] * 20), kind="series")
    assert audit(unknown).stretches is None


def test_the_stamps_of_a_table_say_the_order_too() -> None:
    at = pd.date_range("2024-01-01", periods=200, freq="s")
    frame = pd.DataFrame({"id": np.arange(200) // 10, "time": at, "x": RNG.normal(size=200)})
    frame["label"] = np.where(frame["id"] < 10, "a", "b")
    assert audit(load(frame)).stretches == (20, 2)


def test_a_file_that_cannot_be_read_is_listed_with_its_reason(tmp_path: Path) -> None:
    for name in ("a/1", "a/2", "b/1", "b/2"):
        path = tmp_path / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("x,y\n" + "\n".join(f"{a:.3f},{b:.3f}" for a, b in RNG.normal(size=(30, 2))))
    (tmp_path / "a" / "3.csv").write_text("x,y\n1,what\n2,3\n4,5\n")
    found = audit(load(tmp_path))
    assert found.corrupt == (("a/3.csv", "3.csv: row 1: the column 'y' holds 'what', which is no number"),)


@pytest.mark.parametrize("name", ["GunPoint", "JapaneseVowels", "BasicMotions", "PickupGestureWiimoteZ"])
def test_check_of_a_real_set(archive: Path, name: str) -> None:
    result = CliRunner().invoke(app, ["check", str(archive / name), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["noun"] == "series"
    assert found["samples"] == sum(found["counts"].values())
    assert found["series"]["channels"] == {"JapaneseVowels": 12, "BasicMotions": 6}.get(name, 1)
    assert found["sizes"]["largest"] == [found["series"]["steps"][-1], found["series"]["channels"]]


def test_check_says_lengths_and_rate_and_takes_the_options(archive: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(archive / "PickupGestureWiimoteZ"), "--rate", "100"])
    assert "lengths  29 to 361 steps, typically 131; each is brought to what a backbone reads" in result.output
    assert "rate     100 steps per second (100)" in result.output
    frame = pd.DataFrame({"who": np.arange(1200) // 200, "at": np.tile(np.arange(200), 6), "x": RNG.normal(size=1200)})
    frame.assign(label=np.where(frame["who"] % 2, "a", "b")).to_csv(tmp_path / "long.csv", index=False)
    words = ["--id-column", "who", "--time-column", "at", "--window", "2s", "--rate", "25", "--json"]
    result = CliRunner().invoke(app, ["check", str(tmp_path / "long.csv"), *words])
    found = json.loads(result.stdout)
    assert found["samples"] == 24
    assert "6 recording(s) are cut into 24 windows of 50 steps" in found["notes"]
    assert not found["groups_across"]


def test_check_of_bad_data_ends_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(
        "id,time,x,label\n" + "\n".join(f"s{i // 3},{[0, 2, 1][i % 3]},{i},{'ab'[i // 6]}" for i in range(12))
    )
    result = CliRunner().invoke(app, ["check", str(path)])
    assert result.exit_code == 2
    assert "row 3: the time of series 's0' goes back, from 2 to 1" in result.output
    assert "sort the table by its time" in result.output
