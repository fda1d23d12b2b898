"""Folders with a folder per class, and a file for each recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from warmstart.data.sources import kind_of, load, load_inputs
from warmstart.errors import DataError

RNG = np.random.default_rng(0)


def csv(steps: int = 20, header: str = "time,x,y", separator: str = ",") -> str:
    rows = [separator.join([str(i / 10), *(f"{v:.3f}" for v in RNG.normal(size=2))]) for i in range(steps)]
    return "\n".join([header.replace(",", separator), *rows]) if header else "\n".join(rows)


def folder(root: Path, **files: str | np.ndarray) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        else:
            np.save(path, content)
    return root


def both(root: Path, ending: str, content: str | np.ndarray) -> Path:
    return folder(root, **{f"{label}__{i}_dot_{ending}": content for label in ("walk", "run") for i in range(2)})


def test_a_file_is_a_recording_and_its_columns_are_channels(tmp_path: Path) -> None:
    root = both(tmp_path, "csv", csv())
    assert kind_of(root) == "series"
    data = load(root)
    assert data.counts == {"run": 2, "walk": 2}
    assert [s.id for s in data.samples] == ["run/0.csv", "run/1.csv", "walk/0.csv", "walk/1.csv"]
    assert (data.samples[0].source.names, data.samples[0].source.values.shape) == (("x", "y"), (2, 20))
    assert load(root, rate=10, window="1s").samples[0].group == "run/0.csv"
    assert load(root, value_columns="y").samples[0].source.channels == 1


def test_a_file_may_have_no_header_and_be_a_text(tmp_path: Path) -> None:
    root = both(tmp_path, "txt", csv(header="", separator=" "))
    assert kind_of(root) == "series"
    assert load(root).samples[0].source.values.shape == (3, 20)


def test_arrays_of_steps_are_recordings_and_others_if_series_are_asked_for(tmp_path: Path) -> None:
    root = both(tmp_path / "one", "npy", RNG.normal(size=30))
    assert kind_of(root) == "series"
    assert load(root).samples[0].source.values.shape == (1, 30)
    root = both(tmp_path / "two", "npy", RNG.normal(size=(3, 30)))
    assert kind_of(root) == "image"
    data = load(root, kind="series")
    assert data.samples[0].source.values.shape == (3, 30)


def test_parts_and_groups_are_folders(tmp_path: Path) -> None:
    names = ("train__walk__ann__1", "train__run__ben__1", "test__walk__cem__1", "test__run__cem__1")
    root = folder(tmp_path, **{f"{name}_dot_csv": csv() for name in names})
    data = load(root, group="folder")
    assert [(s.split, s.group) for s in data.samples] == [
        ("test", "cem"), ("test", "cem"), ("train", "ben"), ("train", "ann"),
    ]  # fmt: skip


def test_a_file_that_cannot_be_read_is_told_and_stays_by_its_path(tmp_path: Path) -> None:
    root = both(tmp_path, "csv", csv())
    (root / "walk" / "2.csv").write_text("time,x,y\n0,1,oops\n1,2,3\n2,3,4\n")
    data = load(root)
    assert data.notes[0] == "the values are read from x, y"
    assert "1 file(s) cannot be read: 2.csv: row 1: the column 'y' holds 'oops', which is no number" in data.notes
    assert [s.source for s in data.samples if isinstance(s.source, Path)] == [root / "walk" / "2.csv"]


def test_other_channels_in_one_file_are_told(tmp_path: Path) -> None:
    root = both(tmp_path, "csv", csv())
    (root / "walk" / "2.csv").write_text("time,x\n0,1\n1,2\n")
    with pytest.raises(DataError, match=r"walk/2.csv has 1 channel\(s\), and most series have 2"):
        load(root)
    (root / "walk" / "2.csv").write_text("time,x,z\n0,1,2\n1,2,3\n")
    with pytest.raises(DataError, match=r"has the channels x, z, and run/0\.csv has x, y"):
        load(root)


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "is empty"), ("1,2\n1,2,3\n", "line 2 has 3 values"), ("1,2\n1,x\n", "line 2: step 2 is 'x'"),
     ("time,x\n2,1\n1,1\n", "row 2: the time of a.csv goes back"), ("time,x\n", "has no rows")],
)  # fmt: skip
def test_what_is_wrong_with_the_only_files_is_an_error(text: str, told: str, tmp_path: Path) -> None:
    root = folder(tmp_path, a__a_dot_csv=text, b__a_dot_csv=text)
    with pytest.raises(DataError, match=told):
        load(root)


def test_files_of_arrays_are_series_and_labels(tmp_path: Path) -> None:
    for part, n in (("train", 6), ("test", 4)):
        np.save(tmp_path / f"X_{part}.npy", RNG.normal(size=(n, 2, 30)))
        np.save(tmp_path / f"y_{part}.npy", np.arange(n) % 2)
    assert kind_of(tmp_path) == "series"
    data = load(tmp_path)
    assert [s.split for s in data.samples] == ["test"] * 4 + ["train"] * 6
    assert data.samples[0].source.values.shape == (2, 30)


def test_inputs_are_all_recordings_below_a_folder(tmp_path: Path) -> None:
    root = both(tmp_path, "csv", csv())
    samples = load_inputs(root, kind="series")
    assert [s.label for s in samples] == [None] * 4
    assert load_inputs(str(root / "walk" / "0.csv"), kind="series")[0].source.values.shape == (2, 20)


def test_options_of_columns_belong_to_tables(archive: Path) -> None:
    options: list[dict[str, Any]] = [{"label_column": "a"}, {"group": "a"}, {"time": "a"}]
    for option in options:
        with pytest.raises(DataError, match=r"GunPoint_TRAIN.ts, which has no columns with names"):
            load(archive / "GunPoint" / "GunPoint_TRAIN.ts", **option)


@pytest.mark.parametrize(
    ("content", "channels", "shapes"),
    [
        (csv(header="time,x,y"), 2, [(2, 20)]),
        (csv(header="x,y,z"), 3, [(3, 20)]),
        (csv(header="x,y,z"), 1, [(1, 3)] * 20),  # a row for each series
        (csv(header="", separator=" "), 3, [(3, 20)]),
        ("id,time,x,y\n" + "".join(f"{i},{t},{t},{t}\n" for i in "ab" for t in range(5)), 2, [(2, 5), (2, 5)]),
    ],
)
def test_a_file_is_one_recording_if_the_model_takes_as_many_channels_and_is_read_once(
    content: str, channels: int, shapes: list[tuple[int, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read, whole = tmp_path / "a.csv", list[Path](), Path.read_bytes
    path.write_text(content)

    def counted(self: Path) -> bytes:
        read.append(self)
        return whole(self)

    monkeypatch.setattr(Path, "read_bytes", counted)
    samples = load_inputs(path, kind="series", channels=channels)
    assert [sample.source.values.shape for sample in samples] == shapes
    assert read == [path]
