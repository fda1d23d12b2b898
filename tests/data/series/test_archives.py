"""Files of the archives: what is read from real ones, and the line of what is wrong with others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from warmstart.data.schema import Series
from warmstart.data.sources import kind_of, load, load_inputs
from warmstart.data.sources.series.tsf import read_tsf, step_seconds
from warmstart.errors import DataError

HEAD = "@problemName a\n@timeStamps false\n@missing false\n@univariate true\n@classLabel true up down\n@data\n"


def shapes(data: object) -> set[tuple[int, ...]]:
    return {sample.source.values.shape for sample in load(data).samples}


@pytest.mark.parametrize(
    ("name", "train", "test", "channels", "steps", "classes"),
    [
        ("GunPoint", 50, 150, 1, {150}, 2),
        ("BasicMotions", 40, 40, 6, {100}, 4),
        ("ACSF1", 100, 100, 1, {1460}, 10),
        ("JapaneseVowels", 270, 370, 12, set(range(7, 27)) | {29}, 9),
    ],
)
def test_a_folder_of_two_parts_is_a_set_with_its_division(
    archive: Path, name: str, train: int, test: int, channels: int, steps: set[int], classes: int
) -> None:
    data = load(archive / name)
    assert data.kind == "series"
    assert [sum(s.split == part for s in data.samples) for part in ("train", "test")] == [train, test]
    assert data.samples[0].split == "train"
    assert {s.source.channels for s in data.samples} == {channels}
    assert {s.source.steps for s in data.samples} <= steps
    assert len(data.target.classes) == classes


def test_formats_of_one_set_hold_the_same_series(archive: Path) -> None:
    folder = archive / "GunPoint"
    ts, arff, tsv = (load(folder / f"GunPoint_TRAIN.{ending}") for ending in ("ts", "arff", "tsv"))
    for other in (arff, tsv):
        assert [s.label for s in other.samples] == [s.label for s in ts.samples]
        assert all(
            np.allclose(a.source.values, b.source.values) for a, b in zip(other.samples, ts.samples, strict=True)
        )
    folder = archive / "BasicMotions"
    ts, arff = (load(folder / f"BasicMotions_TRAIN.{ending}") for ending in ("ts", "arff"))
    assert all(np.allclose(a.source.values, b.source.values) for a, b in zip(arff.samples, ts.samples, strict=True))
    assert [s.label for s in arff.samples] == [s.label for s in ts.samples]
    assert "Standing" in ts.target.classes  # letter for letter


def test_labels_that_are_numbers_are_to_be_predicted(archive: Path) -> None:
    data = load(archive / "CardanoSentiment")
    assert data.target.kind == "regress"
    assert shapes(archive / "CardanoSentiment") == {(2, 24)}


def test_times_of_values_give_the_rate_and_the_start(archive: Path) -> None:
    data = load(archive / "UnitTest" / "UnitTestTimeStamps_TRAIN.ts")
    first: Series = data.samples[0].source
    assert first.rate == pytest.approx(1 / 60)
    assert first.start == 1_167_609_600  # 2007-01-01
    assert first.values.tolist() == [[241.97, 241.75, 241.64, 241.71]]


def test_series_that_are_to_be_forecast_have_a_rate_a_start_and_no_label(archive: Path) -> None:
    path = archive / "m1_yearly_dataset" / "m1_yearly_dataset.tsf"
    samples = load_inputs(path, kind="series")
    assert len(samples) == 181
    assert samples[0].id == "T1"
    assert samples[0].source.start == 63_072_000  # 1972-01-01
    assert samples[0].source.rate == pytest.approx(1 / (365.25 * 86_400))
    assert read_tsf(path, []).horizon == 6
    with pytest.raises(DataError, match="without labels"):
        load(path)


@pytest.mark.parametrize(
    ("frequency", "seconds"),
    [("4_seconds", 4), ("minutely", 60), ("10_minutes", 600), ("half_hourly", 1800), ("quarterly", 7_889_400)],
)
def test_frequencies_are_read_as_the_archive_writes_them(frequency: str, seconds: float) -> None:
    assert step_seconds(frequency) == seconds


def test_a_frequency_of_another_kind_is_told() -> None:
    with pytest.raises(DataError, match="fortnightly"):
        step_seconds("fortnightly")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1,2,3:up\n1,x,3:down\n", "line 8: step 2 is 'x'"),
        ("1,2,3:up\n1,2,3:left\n", "line 8 has the label 'left'"),
        ("1,2,3:up\n1,2,3:4,5,6:down\n", "line 8 has 2 channel"),
        ("1,2,3:up\n1,2,3\n", "line 8 has no label"),
        ("", "has no series"),
    ],
)
def test_the_line_of_what_is_wrong_is_told(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    path.write_text(HEAD + text)
    with pytest.raises(DataError, match=told):
        load(path)


def test_channels_of_unequal_lengths_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    path.write_text("@univariate false\n@classLabel true a b\n@data\n1,2:1,2:a\n1,2:1:b\n")
    with pytest.raises(DataError, match="line 5 has channels of 1 to 2 steps"):
        load(path)
    path.write_text("@univariate false\n@classLabel true a b\n@data\n1,2:1,2:a\n1,2:b\n1,2:1,2:a\n")
    with pytest.raises(DataError, match=r"line 5 has 1 channel\(s\), and most series have"):
        load(path)


def test_a_file_without_its_header_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    path.write_text("1,2,3:a\n")
    with pytest.raises(DataError, match="line 1"):
        load(path)
    path.write_text("@problemName a\n")
    with pytest.raises(DataError, match="no line @data"):
        load(path)


def test_a_value_may_be_missing_and_a_padded_series_ends_at_its_last(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    path.write_text(HEAD + "1,?,3,4:up\r\n1,2,NaN,NaN:down\r\n")
    data = load(path)
    assert np.isnan(data.samples[0].source.values[0, 1])
    assert data.samples[1].source.values.tolist() == [[1, 2]]
    assert data.notes == ("1 series end with missing values, which are taken as padding: each ends at its last value",)


@pytest.mark.parametrize("separator", ["\t", ",", "  ", ";"])
def test_a_table_without_a_header_has_its_label_first(separator: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    rows = [[f"{i % 2:.7e}", *(f"{i + step:.4e}" for step in range(6))] for i in range(4)]
    path.write_text("\ufeff" + "\n".join(separator.join(row) for row in rows), encoding="utf-8")
    assert kind_of(path) == "series"
    data = load(path)
    assert data.counts == {"0": 2, "1": 2}
    assert data.samples[1].source.values.tolist() == [[1, 2, 3, 4, 5, 6]]


def test_a_line_of_another_width_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("1\t0.5\t2\t3\n2\t0.5\t2\n")
    with pytest.raises(DataError, match="line 2 has 3 cells and the first has 4"):
        load(path)


def test_several_sets_in_a_folder_are_told(archive: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        for part in ("TRAIN", "TEST"):
            (tmp_path / f"{name}_{part}.tsv").write_text("1\t1\t2.5\t3\n2\t1\t2\t3\n")
    with pytest.raises(DataError, match="several sets: one, two"):
        load(tmp_path)


def test_an_arff_file_tells_the_line_of_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.arff"
    head = "@relation a\n@attribute t0 numeric\n@attribute t1 numeric\n@attribute target {a,b}\n@data\n"
    path.write_text(head + "1,2,a\n1,b\n")
    with pytest.raises(DataError, match="line 7 has 2 values"):
        load(path)
    path.write_text(head + "1,2,a\n1,?,c\n")
    with pytest.raises(DataError, match="line 7 has the label 'c'"):
        load(path)
    path.write_text(head + "% a comment\n1,2,a\n1,?,b\n")
    assert load(path).counts == {"a": 1, "b": 1}
