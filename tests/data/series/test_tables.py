"""Tables of series, with a row for each series or for each step; and what may be wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from warmstart.data.schema import Dataset
from warmstart.data.sources import kind_of, load, load_inputs
from warmstart.errors import DataError

RNG = np.random.default_rng(0)


def wide(n: int = 6, steps: int = 10, prefix: str = "t") -> pd.DataFrame:
    return pd.DataFrame(RNG.normal(size=(n, steps)), columns=[f"{prefix}{i}" for i in range(steps)])


def long(ids: str = "aabb", **columns: Any) -> pd.DataFrame:
    """Three steps for each id, one second apart."""
    at = pd.date_range("2024-01-01", periods=3, freq="s").tolist() * len(ids)
    rows = [f"{name}{i}" for i, name in enumerate(ids) for _ in range(3)]
    frame = pd.DataFrame({"id": rows, "time": at, "x": np.arange(3.0 * len(ids)), "y": RNG.normal(size=3 * len(ids))})
    return frame.assign(**{"label": [name for name in ids for _ in range(3)], **columns})


def written(frame: pd.DataFrame, form: str, folder: Path) -> Any:
    if form == "frame":
        return frame
    path = folder / f"data.{form}"
    frame.to_parquet(path) if form == "parquet" else frame.to_csv(path, index=False, sep="\t" if form == "tsv" else ",")
    return path


def values(data: Dataset) -> list[Any]:
    return [s.source.values.tolist() for s in data.samples]


FORMS = ["frame", "csv", "tsv", "parquet"]


@pytest.mark.parametrize("form", FORMS)
def test_a_row_for_each_series_and_numbered_columns_for_its_steps(form: str, tmp_path: Path) -> None:
    frame = wide().assign(label=list("ababab"))
    source = written(frame, form, tmp_path)
    assert kind_of(source) == "series"
    data = load(source)
    assert data.counts == {"a": 3, "b": 3}
    assert np.allclose(values(data), frame.drop(columns="label").to_numpy()[:, None])
    assert data.notes == ("the values are read from t0, t1, ... t9 (10 columns)",)


def test_columns_that_are_numbers_are_steps_and_several_names_are_channels() -> None:
    frame = pd.DataFrame(RNG.normal(size=(4, 12))).assign(label=list("abab"))
    assert kind_of(frame) == "series"
    assert load(frame).samples[0].source.values.shape == (1, 12)
    both = pd.concat([wide(4, 9, "acc x "), wide(4, 9, "acc y ")], axis=1).assign(species=list("abab"), id=list("wxyz"))
    data = load(both)
    assert data.samples[0].source.names == ("acc x", "acc y")
    assert [s.id for s in data.samples] == list("wxyz")
    assert np.allclose(data.samples[1].source.values[1], both[[f"acc y {i}" for i in range(9)]].iloc[1])


def test_a_table_of_measurements_is_series_only_if_that_is_said() -> None:
    frame = pd.DataFrame(RNG.normal(size=(4, 3)), columns=["width", "height", "weight"]).assign(label=list("abab"))
    assert kind_of(frame) == "image"
    assert load(frame, kind="series").samples[0].source.values.shape == (1, 3)
    assert load(frame, value_columns="weight,width").samples[0].source.values.shape == (1, 2)


@pytest.mark.parametrize("form", FORMS)
def test_a_row_for_each_step(form: str, tmp_path: Path) -> None:
    source = written(long(), form, tmp_path)
    assert kind_of(source) == "series"
    data = load(source)
    assert data.counts == {"a": 2, "b": 2}
    assert [s.id for s in data.samples] == ["a0", "a1", "b2", "b3"]
    first = data.samples[1].source
    assert first.values[0].tolist() == [3, 4, 5]
    assert (first.rate, first.start, first.names) == (1, 1_704_067_200, ("x", "y"))


def test_rows_of_several_series_may_be_mixed_if_each_is_in_order() -> None:
    frame = long()
    assert values(load(frame.sort_values(["time", "id"]))) == values(load(frame))


def test_columns_are_named_where_their_names_do_not_tell() -> None:
    frame = long().rename(columns={"id": "who", "time": "at", "label": "what"})
    data = load(frame, id_column="who", time_column="at", value_columns="y", label_column="what")
    assert data.samples[0].source.names == ("y",)
    assert data.counts == {"a": 2, "b": 2}
    with pytest.raises(DataError, match="no column 'whom' for the id"):
        load(frame, id_column="whom", time_column="at", label_column="what")
    with pytest.raises(DataError, match=r"(?s)known to hold the label.*label_column"):
        load(frame.rename(columns={"what": "v"}).assign(w="z"), id_column="who", time_column="at")


def test_groups_parts_and_times_stand_in_columns() -> None:
    frame = long(site=list("ppppppqqqqqq"), split=["train"] * 6 + ["test"] * 6).assign(label=list("aaabbb" * 2))
    data = load(frame, group="site", time="time")
    assert [(s.group, s.split, s.time) for s in data.samples] == [
        ("p", "train", 1_704_067_200), ("p", "train", 1_704_067_200),
        ("q", "test", 1_704_067_200), ("q", "test", 1_704_067_200),
    ]  # fmt: skip
    with pytest.raises(DataError, match="'a0' has several values of its group: p, q"):
        load(frame.assign(site=list("pqpqpqpqpqpq")), group="site")


def test_what_is_to_be_answered_for_needs_no_label(tmp_path: Path) -> None:
    samples = load_inputs(long().drop(columns="label"), kind="series")
    assert [s.source.values.shape for s in samples] == [(2, 3)] * 4
    samples = load_inputs(long().assign(label=1), kind="series")
    assert [s.source.names for s in samples] == [("x", "y")] * 4
    assert len(load_inputs(written(wide(), "csv", tmp_path), kind="series")) == 6


def test_time_that_goes_back_or_stands_still_is_told_with_its_row() -> None:
    frame = long()
    with pytest.raises(DataError, match=r"(?s)row 5: the time of series 'a1' goes back.*sort the table"):
        load(frame.iloc[[0, 1, 2, 4, 3, 5, 6, 7, 8, 9, 10, 11]])
    with pytest.raises(DataError, match=r"(?s)row 3: series 'a0' has the time 2024-01-01 00:00:01 twice.*UTC"):
        load(frame.iloc[[0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]])


def test_a_table_of_several_series_without_ids_is_told() -> None:
    with pytest.raises(DataError, match=r"(?s)goes back.*id_column"):
        load(long().drop(columns="id"), time_column="time", window=2)


def test_uneven_steps_are_told_and_nothing_is_resampled() -> None:
    frame = long(time=[0, 1, 5] + [0, 1, 2] * 3)
    data = load(frame)
    assert data.samples[0].source.values.shape == (2, 3)
    assert "the steps of 1 series are not evenly spaced, 1 to 4 apart, and are read as if they were: a0" in data.notes


def test_rounded_stamps_and_months_are_even() -> None:
    stamps = [*(np.arange(3) * 1000 // 60 / 1000), 0, 31, 59, 0, 1, 2, 0, 1, 2]
    assert not [note for note in load(long(time=stamps)).notes if "evenly" in note]


def test_times_with_and_without_a_zone_are_not_mixed() -> None:
    stamps = ["2024-01-01T00:00:00+01:00", "2024-01-01T00:00:01", "2024-01-01T00:00:02"]
    with pytest.raises(DataError, match=r"mixes times with a time zone \(.*in row 1\) and without one \(.*in row 2\)"):
        load(long(time=stamps * 4))
    several = ["2024-03-31T01:59:59+01:00", "2024-03-31T03:00:00+02:00", "2024-03-31T01:00:01Z"]
    data = load(long(time=several * 4))
    assert data.samples[0].source.rate == 1
    assert [note for note in data.notes if "several time zones" in note]


def test_numbers_as_times_say_no_rate() -> None:
    data = load(long(time=[10, 20, 30] * 4))
    assert (data.samples[0].source.rate, data.samples[0].source.start) == (None, 10)
    assert load(long(time=[10, 20, 30] * 4), rate=0.1).samples[0].source.rate == 0.1


def test_a_rate_that_the_times_contradict_is_told() -> None:
    assert load(long(), rate=1).samples[0].source.rate == 1
    with pytest.raises(DataError, match="1 steps per second by its times, and the rate 50 is given"):
        load(long(), rate=50)
    with pytest.raises(DataError, match="the rate -1"):
        load(long(), rate=-1)


def test_a_label_that_changes_within_a_series_is_told() -> None:
    with pytest.raises(DataError, match=r"(?s)row 2: the label of series 'a0' changes from 'a' to 'c'.*window"):
        load(long(label=["a", "c", *"abbbaaabbb"]))


def test_a_column_is_not_both_a_label_and_a_value() -> None:
    with pytest.raises(DataError, match="'label' is named for the values and is that of the labels"):
        load(long(label=[1] * 6 + [2] * 6), value_columns="x,label")
    assert load(long(label=[1] * 6 + [2] * 6)).samples[0].source.names == ("x", "y")


def test_a_value_that_is_no_number_is_told_with_its_row() -> None:
    with pytest.raises(DataError, match="row 2: the column 'x' holds 'oops', which is no number"):
        load(long(x=["1", "oops", *["2.5"] * 10]))
    data = load(long(x=["1", "?", *["2.5"] * 9, ""]))
    assert np.isnan(data.samples[0].source.values[0, 1])


def test_columns_without_numbers_are_left_out_and_named() -> None:
    assert "the values are read from x, y; place is left out" in load(long(place="here")).notes


def test_a_file_of_a_spreadsheet_of_another_country_is_read(tmp_path: Path) -> None:
    """With a byte order mark, lines of Windows, semicolons and decimal commas."""
    frame = long()
    path = tmp_path / "a.csv"
    text = frame.to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    data = load(path)
    assert np.allclose(values(data), values(load(frame)))
    assert "the column x has decimal commas, which are read as points" in data.notes


def test_commas_that_may_be_of_thousands_are_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id;time;x;label\n" + "\n".join(f"s{i // 2};{i % 2};1,{500 + i};{'ab'[i // 4]}" for i in range(8)))
    with pytest.raises(DataError, match=r"(?s)row 1: the column 'x' holds '1,500'.*thousands"):
        load(path)


@pytest.mark.parametrize(("text", "told"), [("", "has no rows"), ("id,time,x,label\n", "has no rows")])
def test_a_file_without_rows_is_told(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=told):
        load(path, time_column="time")


def test_columns_that_number_the_rows_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    wide().assign(label=list("ababab")).to_csv(path)
    data = load(path)
    assert data.samples[0].source.steps == 10
    assert "a column that numbers the rows is left out: without a name" in data.notes


def test_a_missing_label_is_told_or_left_out() -> None:
    frame = wide().assign(label=pd.Series(["a", "b", None, "b", "a", "b"]))
    with pytest.raises(DataError, match=r"1 of 6 series have no label: row 3"):
        load(frame)
    data = load(frame, on_missing="skip")
    assert len(data) == 5


def test_numbers_and_several_labels_are_read_from_columns() -> None:
    assert load(wide().assign(dose=[0.5, 1, 2, 3, 4, 5]), label_column="dose", task="regress").target.kind == "regress"
    both = wide().assign(red=[0, 1, 0, 1, 1, 0], loud=[1, 0, 0, 1, 0, 1])
    data = load(both, label_column="red,loud")
    assert data.target.kind == "multilabel"
    assert data.samples[3].label == ("red", "loud")


def test_a_cell_may_hold_a_whole_series(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(f'{{"values": {[i + 0.5] * 9}, "label": "{"ab"[i % 2]}"}}' for i in range(4)))
    assert kind_of(path) == "series"
    assert values(load(path))[1] == [[1.5] * 9]
    frame = pd.DataFrame(
        {"x": [RNG.normal(size=n) for n in (9, 10, 11)], "y": [RNG.normal(size=n) for n in (9, 10, 11)]}
    )
    data = load(frame.assign(label=["a", "b", "a"]))
    assert [(s.source.values.shape, s.source.names) for s in data.samples] == [
        ((2, n), ("x", "y")) for n in (9, 10, 11)
    ]
    assert load(frame.assign(label=["a", "b", "a"]), value_columns="y").samples[0].source.channels == 1
    both = pd.DataFrame({"data": [[[1.0, 2], [3, 4]], [[1, 2], [3, 4.5]]], "label": ["a", "b"]})
    assert load(both, kind="series").samples[1].source.values.tolist() == [[1, 2], [3, 4.5]]
    uneven = pd.DataFrame({"x": [[1.0, 2], [1.0, 2]], "y": [[1.0, 2], [1.0, 2, 3]], "label": ["a", "b"]})
    with pytest.raises(DataError, match="row 2: x, y have different numbers of steps"):
        load(uneven, kind="series")


def test_padded_rows_are_shorter_series(tmp_path: Path) -> None:
    frame = wide().assign(label=list("ababab"))
    frame.loc[2, ["t8", "t9"]] = np.nan
    data = load(written(frame, "csv", tmp_path))
    assert [s.source.steps for s in data.samples] == [10, 10, 8, 10, 10, 10]
    assert "1 series end with missing values" in data.notes[1]
