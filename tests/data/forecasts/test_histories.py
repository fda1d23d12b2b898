"""Series to be forecast, from tables, files and arrays: what is read, and what is told of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.data.series.conftest import packaged
from warmstart.data.clock import Clock, clock_of
from warmstart.data.sources.histories import read_histories
from warmstart.errors import DataError

DAYS = pd.date_range("2024-01-01", periods=6, freq="D")


def long_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "store": ["a"] * 6 + ["b"] * 4,
            "date": [*DAYS, *DAYS[:4]],
            "sold": np.arange(10.0),
        }
    )


def test_a_long_table_has_a_series_for_each_name() -> None:
    found = read_histories(long_table())
    assert [(one.id, one.at, one.values.tolist()) for one in found.every] == [
        ("a", 0, [0, 1, 2, 3, 4, 5]),
        ("b", 0, [6, 7, 8, 9]),
    ]
    assert found.clock.freq == "D"
    assert any("end at different times" in note for note in found.notes)


def test_a_wide_table_has_a_series_for_each_column_of_numbers() -> None:
    table = pd.DataFrame({"when": DAYS, "note": list("uvwxyz"), "wind": np.arange(6), "sun": np.ones(6)})
    found = read_histories(table, time_column="when")
    assert [one.id for one in found.every] == ["wind", "sun"]
    assert [one.id for one in read_histories(table, time_column="when", value_columns="sun").every] == ["sun"]


def test_a_csv_is_read_like_the_table_it_holds(tmp_path: Path) -> None:
    long_table().to_csv(tmp_path / "sales.csv", index=False)
    both = (read_histories(data).every for data in (tmp_path / "sales.csv", long_table()))
    for one, other in zip(*both, strict=True):
        assert (one.id, one.at) == (other.id, other.at)
        np.testing.assert_array_equal(one.values, other.values)


def test_rows_of_several_series_may_be_mixed_and_those_of_one_stand_in_order() -> None:
    mixed = long_table().iloc[[0, 6, 1, 2, 7, 8, 3, 9, 4, 5]]
    assert {one.id: one.values.tolist() for one in read_histories(mixed).every} == {
        "a": [0, 1, 2, 3, 4, 5],
        "b": [6, 7, 8, 9],
    }
    with pytest.raises(DataError, match="row 3: the time of series 'a' goes back, from 2024-01-03 to 2024-01-02"):
        read_histories(long_table().iloc[[0, 2, 1, 3, 4, 5]])
    with pytest.raises(DataError, match="row 2: the time of the table goes back, from 2024-01-06 to 2024-01-05"):
        read_histories(pd.DataFrame({"date": DAYS[::-1], "y": np.arange(6.0)}))


def test_steps_without_a_row_are_missing_and_it_is_said() -> None:
    found = read_histories(pd.DataFrame({"date": DAYS[[0, 1, 2, 5]], "y": [1.0, 2.0, 3.0, 4.0]}))
    np.testing.assert_array_equal(found.every[0].values, [1, 2, 3, np.nan, np.nan, 4])
    assert any("2 step(s) have no row" in note for note in found.notes)


def test_two_rows_of_one_time_are_refused() -> None:
    table = pd.DataFrame({"date": DAYS[[0, 1, 1, 2]], "y": np.arange(4.0)})
    with pytest.raises(DataError, match="row 3: the table has the time 2024-01-02 twice"):
        read_histories(table)


def test_times_with_and_without_a_zone_are_not_mixed_and_those_of_several_are_told() -> None:
    written = [f"2024-01-0{day} 00:00{zone}" for day, zone in ((1, "Z"), (2, ""), (3, "Z"))]
    with pytest.raises(DataError, match=r"mixes times with a time zone .* in row 1"):
        read_histories(pd.DataFrame({"date": written, "y": np.arange(3.0)}))
    zones = ["2024-01-01T00:00Z", "2024-01-02T01:00+01:00", "2024-01-03T00:00Z"]
    found = read_histories(pd.DataFrame({"date": zones, "y": np.arange(3.0)}))
    assert found.clock.freq == "D"
    assert any("in several time zones" in note for note in found.notes)
    for berlin in (DAYS.tz_localize("Etc/GMT-1"), [f"{day:%Y-%m-%d}T00:00+01:00" for day in DAYS]):
        found = read_histories(pd.DataFrame({"date": berlin, "y": np.arange(6.0)}))
        assert any("they are read as UTC" in note for note in found.notes)
        assert found.clock.stamps(0, 1) == ["2023-12-31T23:00:00"]


def test_a_row_that_names_no_series_or_has_no_time_is_told() -> None:
    with pytest.raises(DataError, match="row 3: the column 'store' is empty"):
        read_histories(long_table().assign(store=["a", "a", "", *"aaabbbb"]))
    with pytest.raises(DataError, match="row 2: the time in 'date' is missing"):
        read_histories(long_table().assign(date=pd.DatetimeIndex(["2024-01-01", "", *DAYS, *DAYS[:2]])))


def test_a_column_is_of_values_whatever_it_is_called_and_numbers_of_rows_are_none() -> None:
    table = pd.DataFrame({"id": range(6), "year": range(2000, 2006), "target": np.arange(6.0), "split": ["train"] * 6})
    found = read_histories(table)
    assert [(one.id, one.values.tolist()) for one in found.every] == [("target", [0, 1, 2, 3, 4, 5])]
    assert found.clock.stamps(0, 1) == [2000.0]
    assert "the values are read from target; id, split is left out" in found.notes
    chosen = read_histories(table, value_columns="year,target", time_column="id")
    assert [one.id for one in chosen.every] == ["year", "target"]


def test_channels_of_a_long_table_are_series_of_their_own() -> None:
    found = read_histories(long_table().assign(price=1.0))
    assert [one.id for one in found.every] == ["a/sold", "a/price", "b/sold", "b/price"]


def test_times_at_no_fixed_distance_are_refused() -> None:
    odd = ["2024-01-01", "2024-01-02", "2024-01-02 07:13:11", "2024-03-05 01:00:07"]
    with pytest.raises(DataError, match="no fixed distance"):
        read_histories(pd.DataFrame({"date": odd, "y": np.arange(4.0)}))


def test_text_among_the_values_is_refused_by_what_it_says() -> None:
    table = pd.DataFrame({"date": DAYS, "y": ["1", "2", "many", "4", "5", "6"]})
    with pytest.raises(DataError, match="'many'"):
        read_histories(table, value_columns="y")


def test_a_monash_file_is_read_with_its_calendar() -> None:
    found = read_histories(packaged() / "m1_yearly_dataset" / "m1_yearly_dataset.tsf")
    assert len(found.every) == 181
    assert found.clock.freq == "YS"
    first = found.every[0]
    assert found.clock.stamps(first.at, 1) == ["1972-01-01"]
    assert first.values[:3].tolist() == [3600, 7700, 12300]


def test_arrays_without_times_end_together_and_channels_are_series_of_their_own() -> None:
    found = read_histories([np.arange(5.0), np.arange(3.0)])
    assert [(one.at, one.end) for one in found.every] == [(0, 5), (2, 5)]
    channels = read_histories(np.zeros((2, 3, 9)) + np.arange(9))
    assert [one.id for one in channels.every][:2] == ["series-0/0", "series-0/1"]


@pytest.mark.parametrize("data", [[], np.zeros((2, 2, 2, 2)), "nowhere.csv", [np.full(9, np.nan)], {"a": 1}])
def test_what_holds_no_series_is_refused(data: object) -> None:
    with pytest.raises(DataError):
        read_histories(data)


@pytest.mark.parametrize("freq", ["YS", "QE", "MS", "ME", "W-MON", "B", "D", "h", "15min"])
@pytest.mark.parametrize("gap", [False, True])
def test_the_distance_of_stamps_is_found_also_where_some_are_missing(freq: str, gap: bool) -> None:
    stamps = pd.date_range("2020-01-01", periods=60, freq=freq)
    kept = np.array([not gap or k % 11 != 5 for k in range(60)])
    clock, (steps,) = clock_of([stamps[kept].to_numpy()])
    assert steps.tolist() == np.flatnonzero(kept).tolist()
    assert clock.stamps(60, 1) == Clock(freq, stamps[0].isoformat()).stamps(60, 1)
