"""Recordings cut into windows: views of them, in one part, with a label each."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart.data.schema import Series
from warmstart.data.seriesreading import Reading
from warmstart.data.sources import load, load_inputs
from warmstart.data.sources.series.recording import Recording
from warmstart.data.sources.series.windows import as_steps, windowed
from warmstart.data.split import split
from warmstart.errors import DataError

RNG = np.random.default_rng(0)


def recordings(n: int = 6, steps: int = 100) -> tuple[list[np.ndarray], list[str]]:
    return [RNG.normal(size=(2, steps)) for _ in range(n)], ["walk", "run"] * (n // 2)


@given(steps=st.integers(1, 60), length=st.integers(1, 20), stride=st.integers(1, 30))
def test_windows_are_the_recording_from_each_begin(steps: int, length: int, stride: int) -> None:
    one = Recording("a", "a", Series(np.arange(steps)[None], start=5.0, rate=2.0), ("x",))
    reading, notes = Reading(window=length, stride=stride), list[str]()
    if steps < length:
        with pytest.raises(DataError, match="no window"):
            windowed([one], reading, labelled=False, notes=notes)
        return
    found = windowed([one], reading, labelled=False, notes=notes)
    assert [w.series.values[0].tolist() for w in found] == [
        [*range(begin, begin + length)] for begin in range(0, steps - length + 1, stride)
    ]
    assert [w.series.start for w in found] == [5 + begin / 2 for begin in range(0, steps - length + 1, stride)]
    assert all(np.shares_memory(w.series.values, one.series.values) for w in found)
    covered = (len(found) - 1) * stride + max(length, stride)
    assert any("behind the last whole window" in note for note in notes) == (covered < steps)


@pytest.mark.parametrize(
    ("length", "rate", "steps"),
    [("2s", 50, 100), ("500ms", 100, 50), ("1 min", 1, 60), (7, None, 7), ("7", 50, 7), ("0.5h", 1, 1800)],
)
def test_a_length_is_of_steps_or_a_time(length: int | str, rate: float | None, steps: int) -> None:
    assert as_steps(length, rate) == steps


@pytest.mark.parametrize(
    ("length", "rate", "told"),
    [("2s", None, r"(?s)rate of the series is not known.*--rate"), ("2 furlongs", 1, "furlongs"), (0, 1, "less than"),
     ("1ms", 1, "less than one step"), (2.5, 1, "2.5"), (-3, 1, "-3")],
)  # fmt: skip
def test_what_is_no_length_is_told(length: int | str, rate: float | None, told: str) -> None:
    with pytest.raises(DataError, match=told):
        as_steps(length, rate)


def test_the_windows_of_a_recording_stay_in_one_part() -> None:
    series, labels = recordings()
    data = load((series, labels), window=20, stride=10)
    assert len(data) == 6 * 9
    assert data.samples[0].id == "row-0[0:20]"
    assert "6 recording(s) are cut into 54 windows of 20 steps" in data.notes
    parts = split(data)
    seen = [{data.samples[i].group for i in part} for part in (parts.train, parts.val, parts.test)]
    assert all(seen)
    assert sum(map(len, seen)) == 6


def test_a_group_that_is_named_goes_before_the_recording() -> None:
    series, labels = recordings()
    data = load((series, labels), window="1s", rate=20, group=list("ppqqrr"))
    assert {s.group for s in data.samples} == {"p", "q", "r"}
    assert {s.source.steps for s in data.samples} == {20}


def test_windows_of_one_recording_are_divided_by_time() -> None:
    labels = ["a", "b"] * 50
    frame = pd.DataFrame({"time": np.arange(100), "x": RNG.normal(size=100), "label": labels})
    frame["label"] = np.where(np.arange(100) // 10 % 2, "a", "b")
    data = load(frame, window=5)
    assert [s.time for s in data.samples] == [*range(0, 100, 5)]
    assert {s.group for s in data.samples} == {None}
    parts = split(data)
    assert max(parts.train) < min(parts.val) < max(parts.val) < min(parts.test)
    assert "all windows are of one recording: parts are cut by time, the latest are the test" in data.notes
    with pytest.raises(DataError, match=r"(?s)5 steps every 2 steps of the only recording.*flatter"):
        load(frame, window=5, stride=2)


def test_a_window_has_the_label_of_most_of_its_steps_or_none() -> None:
    one = pd.DataFrame({"id": "p", "time": np.arange(12), "x": RNG.normal(size=12), "label": [*"aaaabbaabbbb"]})
    frame = pd.concat([one, one.assign(id="q")])
    data = load(frame, window=4)
    assert [(s.id, s.label) for s in data.samples if s.group == "p"] == [("p[0:4]", "a"), ("p[8:12]", "b")]
    assert "2 window(s) have no label that more than half of their steps have, and are left out" in data.notes
    data = load(frame, window=3)
    assert [s.label for s in data.samples if s.group == "p"] == [*"abab"]
    assert "4 window(s) have steps of several labels" in data.notes[2]


def test_labels_of_steps_in_memory() -> None:
    series, _ = recordings(2, 40)
    labels = [np.repeat(["a", "b"], 20), np.repeat(["b", "a"], 20)]
    data = load((series, labels), window=10)
    assert [s.label for s in data.samples] == [*"aabbbbaa"]
    with pytest.raises(DataError, match="position 0: 40 steps, 30 labels"):
        load((series, [labels[0][:30], labels[1]]), window=10)


def test_what_is_too_short_and_what_is_left_behind_is_counted() -> None:
    series, labels = recordings(4)
    data = load(([*series, np.zeros((2, 5))], [*labels, "run"]), window=30)
    assert "1 recording(s) are shorter than a window and are left out: row-4" in data.notes
    assert "40 of 400 steps lie behind the last whole window of their recording and are left out" in data.notes
    with pytest.raises(DataError, match="a stride without a window"):
        load((series, labels), stride=3)


def test_windows_of_inputs_need_no_division() -> None:
    samples = load_inputs(np.arange(10.0), kind="series", reading=Reading(window=4, stride=2))
    assert [s.source.values[0, 0] for s in samples] == [0, 2, 4, 6]
    assert samples[0].group is None or samples[0].label is None


def test_windows_of_a_mapped_file_are_views_and_take_no_memory_of_its_size(tmp_path: Path) -> None:
    length, n = 256, 20_000
    path = tmp_path / "long.npy"
    np.save(path, np.zeros((2, 1, n * length // 2), np.float32))
    tracemalloc.start()
    data = load((np.load(path, mmap_mode="r"), ["a", "b"]), kind="series", window=length)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(data) == n
    assert taken < path.stat().st_size
    assert taken / n < 2000  # bytes of a window, whatever its length
    base = data.samples[-1].source.values
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert base.nbytes == n * length * 4
