"""Which label is normal, in which form data may come, and in which part anomalies lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart.data.anomalies import as_divided
from warmstart.data.schema import Dataset, Sample
from warmstart.data.sources import load
from warmstart.data.split import split
from warmstart.data.targets import AnomalyTarget, ClassTarget
from warmstart.errors import DataError

IMAGES = np.zeros((6, 4, 4), np.uint8)


def counts(dataset: Dataset) -> dict[str, int]:
    return dataset.counts


def test_the_label_of_normal_samples_is_named() -> None:
    found = load((IMAGES, list("abcabc")), normal="b")
    assert found.target == AnomalyTarget(("b", "anomaly"))
    assert counts(found) == {"b": 2, "anomaly": 4}
    assert any("normal is 'b' (2 samples); read as 'anomaly': a, c (4 samples)" in note for note in found.notes)


@pytest.mark.parametrize(
    ("labels", "normal"),
    [
        (["bad", "Good", "bad"], "Good"),
        (["normal", "good", "torn"], "normal"),
        (["0", "1", "2"], "0"),
        (["x"] * 3, "x"),
    ],
)
def test_or_known_by_its_name_or_the_only_one(labels: list[str], normal: str) -> None:
    assert load((IMAGES[:3], labels), task="anomaly").target.classes[0] == normal


def test_a_label_that_cannot_be_told_or_is_not_there_is_an_error() -> None:
    with pytest.raises(DataError, match="it cannot be told which label says that a sample is normal: a, b, c"):
        load((IMAGES, list("abcabc")), task="anomaly")
    with pytest.raises(DataError, match="no sample is labelled 'd'"):
        load((IMAGES, list("abcabc")), normal="d")
    with pytest.raises(DataError, match="a normal label for the task 'classify'"):
        load((IMAGES, list("abcabc")), normal="a", task="classify")


def test_labels_may_be_missing_in_every_form(digits_folder: Path, tmp_path: Path) -> None:
    assert counts(load((IMAGES, None), task="anomaly")) == {"normal": 6, "anomaly": 0}
    assert counts(load((["rain", "sun"], None), task="anomaly")) == {"normal": 2, "anomaly": 0}
    zeros = load(digits_folder / "0", task="anomaly")
    assert counts(zeros) == {"normal": 20, "anomaly": 0}
    table = tmp_path / "table.csv"
    rows = [f"digits/0/{path.name},a" for path in sorted((digits_folder / "0").iterdir())]
    table.write_text("\n".join(["path,site", *rows]), encoding="utf-8")
    assert counts(load(table, task="anomaly")) == {"normal": 20, "anomaly": 0}
    with pytest.raises(DataError):
        load(table, task="anomaly", label_column="label")


def test_folders_of_parts_need_no_anomaly_in_train(digits_folder: Path, tmp_path: Path) -> None:
    for part, names in (("train", ("0",)), ("test", ("0", "1"))):
        for name in names:
            (tmp_path / "mv" / part / name).mkdir(parents=True)
            for path in sorted((digits_folder / name).iterdir())[slice(0, 12) if part == "train" else slice(12, 20)]:
                (tmp_path / "mv" / part / name / path.name).write_bytes(path.read_bytes())
    found = load(tmp_path / "mv", normal="0")
    parts = split(found)
    assert (found.strata[parts.test] == 1).sum() == 8
    target = as_divided(found, parts).target
    assert isinstance(target, AnomalyTarget)
    assert (target.choosable, target.measurable) == (False, True)
    assert any("validation does not hold both" in note for note in parts.notes)


def labelled(kinds: list[bool], groups: list[int] | None = None) -> Dataset:
    of = groups or list(range(len(kinds)))
    samples = [
        Sample(f"row-{i}", f"{i}.png", "odd" if odd else "good", group=None if groups is None else str(of[i]))
        for i, odd in enumerate(kinds)
    ]
    return load(Dataset(tuple(samples), ClassTarget(("good", "odd"))), normal="good", kind="image")


@given(st.lists(st.booleans(), min_size=0, max_size=40), st.integers(0, 5))
def test_no_anomaly_is_dealt_to_train_and_every_sample_to_one_part(kinds: list[bool], seed: int) -> None:
    dataset = labelled([False] * 10 + kinds)
    parts = split(dataset, seed=seed)
    assert not (dataset.strata[parts.train] == 1).any()
    assert sorted(np.concatenate([parts.train, parts.val, parts.test]).tolist()) == list(range(len(dataset)))
    odd = [int((dataset.strata[part] == 1).sum()) for part in (parts.val, parts.test)]
    assert abs(odd[0] - odd[1]) <= 1


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 7)), min_size=0, max_size=30))
def test_groups_stay_whole(rows: list[tuple[bool, int]]) -> None:
    kinds = [False] * 10 + [odd for odd, _ in rows]
    dataset = labelled(kinds, [i % 8 for i in range(10)] + [group for _, group in rows])
    parts = split(dataset)
    where = {int(i): name for name in ("train", "val", "test") for i in getattr(parts, name)}
    for group in range(8):
        assert len({where[i] for i, s in enumerate(dataset.samples) if s.group == str(group)}) <= 1
