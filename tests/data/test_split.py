"""Parts of a data set. Row numbers are those of the list of known faults."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from warmstart.data.schema import ClassTarget, Dataset, Label, Sample, Split, SplitName, Target
from warmstart.data.split import folds, split
from warmstart.data.targets import LabelsTarget, NumberTarget, TagTarget, TextTarget
from warmstart.engine.trials.folds import make_folds
from warmstart.errors import DataError


def made(
    labels: list[str], groups: list[str | None] | None = None, parts: list[SplitName | None] | None = None
) -> Dataset:
    groups, parts = groups or [None] * len(labels), parts or [None] * len(labels)
    samples = tuple(Sample(f"{i}", None, *rest) for i, rest in enumerate(zip(labels, groups, parts, strict=True)))
    return Dataset(samples, ClassTarget(tuple(sorted(set(labels)))))


def named(parts: Split) -> dict[str, list[int]]:
    return {name: getattr(parts, name).tolist() for name in ("train", "val", "test")}


labels_of = st.lists(st.sampled_from("abcd"), min_size=2, max_size=80)
share = st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.33, 0.4])


@given(labels=labels_of, val=share, test=share, seed=st.integers(0, 1000))
@example(labels=list("aaabbbccc"), val=0.4, test=0.4, seed=0)
def test_parts_are_disjoint_complete_and_stratified_to_within_one(
    labels: list[str], val: float, test: float, seed: int
) -> None:
    data = made(labels)
    parts = named(split(data, val=val, test=test, seed=seed))
    assert sorted(parts["train"] + parts["val"] + parts["test"]) == list(range(len(labels)))
    assert all(indices == sorted(indices) for indices in parts.values())
    counts = {name: Counter(labels[i] for i in indices) for name, indices in parts.items()}
    for label, n in Counter(labels).items():
        assert counts["train"][label] >= 1
        assert abs(counts["val"][label] - val * n) <= 1 + 1e-9
        assert abs(counts["test"][label] - test * n) <= 1 + 1e-9
        if n >= 2 and val > 0:
            assert counts["val"][label] >= 1


@given(labels=labels_of, seed=st.integers(0, 1000))
def test_the_same_seed_gives_the_same_parts(labels: list[str], seed: int) -> None:
    assert named(split(made(labels), seed=seed)) == named(split(made(labels), seed=seed))


def test_another_seed_gives_other_parts() -> None:
    data = made(list("ab" * 50))
    assert len({str(named(split(data, seed=seed))) for seed in range(5)}) == 5


def can_be_divided(labels: list[str], groups: list[str]) -> bool:
    """Whether two groups can be taken out so that the others have every class, by trying all pairs."""
    return any(
        {label for label, group in zip(labels, groups, strict=True) if group not in pair} == set(labels)
        for pair in itertools.combinations(set(groups), 2)
    )


@given(
    rows=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 12)), min_size=2, max_size=80),
    seed=st.integers(0, 100),
)
def test_groups_are_never_divided_and_train_has_every_class(rows: list[tuple[str, int]], seed: int) -> None:
    """Row 19."""
    labels, groups = [label for label, _ in rows], [f"g{group}" for _, group in rows]
    data = made(labels, list(groups))
    if not can_be_divided(labels, groups):
        with pytest.raises(DataError, match=r"(?s)group.*each class in several"):
            split(data, seed=seed)
        return
    parts = named(split(data, seed=seed))
    assert all(parts.values())
    assert sorted(parts["train"] + parts["val"] + parts["test"]) == list(range(len(labels)))
    where: dict[str, set[str]] = {}
    for name, indices in parts.items():
        for i in indices:
            where.setdefault(groups[i], set()).add(name)
    assert all(len(names) == 1 for names in where.values())
    assert {labels[i] for i in parts["train"]} == set(labels)


def test_groups_are_divided_wherever_there_is_a_way() -> None:
    """Row 19: taking what can be spared one by one ends with an empty part here."""
    parts = split(made(list("bdaccabbcbd"), [f"g{g}" for g in (1, 0, 1, 1, 2, 2, 2, 2, 2, 0, 1)]))
    assert min(map(len, named(parts).values())) > 0


def test_with_many_groups_the_parts_have_their_share_of_each_class() -> None:
    rng = np.random.default_rng(0)
    groups = [f"g{g}" for g in range(100) for _ in range(int(rng.integers(1, 8)))]
    labels = [str(rng.choice(list("aab"))) for _ in groups]
    parts = named(split(made(labels, list(groups))))
    total = Counter(labels)
    for name, wanted in (("train", 0.6), ("val", 0.2), ("test", 0.2)):
        counts = Counter(labels[i] for i in parts[name])
        assert all(abs(counts[label] / total[label] - wanted) < 0.02 for label in total)


def test_a_sample_without_a_group_is_one_of_its_own() -> None:
    data = made(list("ab" * 10), ["p", "p", *[None] * 18])
    parts = split(data)
    assert len(parts.val) == len(parts.test) == 4
    assert "groups kept whole" in parts.how


@pytest.mark.parametrize("groups", [["p"] * 6, ["p", "q"] * 3, ["p", "q", "p", "r", "p", "r"]])
def test_groups_that_leave_a_part_empty_are_an_error(groups: list[str | None]) -> None:
    """Row 19: no part is made empty or a group divided in silence; the last holds all of class a in one group."""
    with pytest.raises(DataError, match=r"(?s)group.*at least 3"):
        split(made(list("ababab"), groups))


def test_a_seed_below_zero_is_an_error() -> None:
    with pytest.raises(DataError, match="the seed -1"):
        split(made(list("aabb")), seed=-1)


def test_too_few_samples_for_a_test_part_are_told() -> None:
    """Row 12: what is not evaluated is said."""
    assert "4 samples are too few for a test part of 20%: no test is made" in split(made(list("aabb"))).notes
    assert split(made(list("aabb")), test=0).notes == ()


def test_a_class_with_one_sample_stays_in_train_and_is_told() -> None:
    """Row 12."""
    parts = split(made([*"aaaaabbbbb", "rare"]))
    assert 10 in parts.train
    assert parts.notes == ("one sample only, kept in train and not evaluated: rare",)


def test_a_class_that_a_part_lacks_is_told() -> None:
    """Rows 9 and 12."""
    parts = split(made(list("aaaaaaaaaabb")))
    assert parts.notes == ("test has no sample of, and so does not evaluate: b",)
    given: list[SplitName | None] = ["train", "train", "train", "val"]
    parts = split(made(list("abba"), None, given))
    assert "validation has no sample of, and so does not evaluate: b" in parts.notes


def test_given_parts_are_kept() -> None:
    given: list[SplitName | None] = ["train", "train", "val", "val", "test", "test"]
    parts = split(made(list("ababab"), None, given), val=0.5, test=0.0)
    assert named(parts) == {"train": [0, 1], "val": [2, 3], "test": [4, 5]}
    assert parts.how == "as the data gives it: 2 train, 2 validation, 2 test"


def test_with_a_given_test_part_only_validation_is_cut_from_train() -> None:
    given: list[SplitName | None] = [*["train"] * 10, *["test"] * 4]  # type: ignore[list-item]
    parts = split(made(list("ab" * 7), None, given))
    assert parts.test.tolist() == [10, 11, 12, 13]
    assert len(parts.val) == 2
    assert "validation cut from train" in parts.how


def test_with_a_given_validation_part_no_test_is_cut_and_that_is_told() -> None:
    given: list[SplitName | None] = [*["train"] * 6, *["val"] * 4]  # type: ignore[list-item]
    parts = split(made(list("ab" * 5), None, given))
    assert len(parts.test) == 0
    assert parts.notes[-1].endswith("no test is made")


def test_groups_that_given_parts_divide_are_told() -> None:
    """Row 19."""
    given: list[SplitName | None] = ["train", "train", "val", "val"]
    parts = split(made(list("abab"), ["p1", "p2", "p1", "p3"], given))
    assert "1 group(s) lie in more than one part as given: p1" in parts.notes


def test_a_class_that_train_lacks_is_an_error() -> None:
    """Rows 9 and 13."""
    with pytest.raises(DataError, match=r"test part.*: c"):
        split(made(list("ababc"), None, ["train", "train", "val", "val", "test"]))


@pytest.mark.parametrize(("val", "test"), [(-0.1, 0.2), (0.5, 0.5), (1.0, 0.0), (float("nan"), 0.1)])
def test_shares_that_leave_nothing_are_an_error(val: float, test: float) -> None:
    with pytest.raises(DataError, match="shares"):
        split(made(list("abab")), val=val, test=test)


def test_what_cannot_be_trained_on_is_an_error() -> None:
    with pytest.raises(DataError, match="nothing to train on"):
        split(made(list("ab"), None, ["val", "test"]))
    unlabelled = made(list("ab"))
    unlabelled = dataclasses.replace(unlabelled, samples=(*unlabelled.samples, Sample("new", None)))
    with pytest.raises(DataError, match="1 samples have no label, such as new"):
        split(unlabelled)


@given(labels=st.lists(st.integers(0, 4), min_size=2, max_size=60), k=st.integers(2, 8), seed=st.integers(0, 99))
def test_every_sample_is_held_out_once_and_folds_are_even(labels: list[int], k: int, seed: int) -> None:
    array = np.array(labels)
    parts = folds(array, k, seed)
    assert len(parts) == min(k, len(labels))
    assert sorted(i for _, held in parts for i in held) == list(range(len(labels)))
    for train, held in parts:
        assert sorted([*train, *held]) == list(range(len(labels)))
    for values in [[len(held) for _, held in parts], *([(array[h] == c).sum() for _, h in parts] for c in range(5))]:
        assert max(values) - min(values) <= 1


@given(groups=st.lists(st.integers(0, 6), min_size=2, max_size=60), k=st.integers(2, 5))
def test_folds_keep_groups_whole(groups: list[int], k: int) -> None:
    """Row 19."""
    names = [f"g{g}" for g in groups]
    labels = np.array([i % 3 for i in range(len(groups))])
    if len(set(names)) < 2:
        with pytest.raises(DataError, match="groups"):
            folds(labels, k, groups=names)
        return
    parts = folds(labels, k, groups=names)
    assert sorted(i for _, held in parts for i in held) == list(range(len(labels)))
    assert all({names[i] for i in train}.isdisjoint(names[i] for i in held) for train, held in parts)


def labelled(labels: Sequence[Label], target: Target, parts: Sequence[SplitName | None] | None = None) -> Dataset:
    given = parts or [None] * len(labels)
    rows = enumerate(zip(labels, given, strict=True))
    return Dataset(tuple(Sample(f"{i}", None, label, split=part) for i, (label, part) in rows), target)


@given(seed=st.integers(0, 100), n=st.integers(20, 90))
def test_numbers_of_every_tenth_are_in_every_part(seed: int, n: int) -> None:
    values = np.random.default_rng(seed).normal(size=n)
    labels = [(float(value),) for value in values]
    data = labelled(labels, NumberTarget.of(("age",), labels))
    parts = split(data, seed=seed)
    assert parts.how.startswith(f"stratified by number (tenths), seed {seed}: ")
    assert parts.notes == ()
    assert sorted(np.concatenate([parts.train, parts.val, parts.test]).tolist()) == list(range(n))
    rank = np.argsort(np.argsort(values)) / n
    for part in (parts.val, parts.test):
        assert abs(float(rank[part].mean()) - 0.5) < 0.25


def test_rare_labels_are_in_every_part_and_those_that_a_part_lacks_are_told() -> None:
    labels = [("a", "rare") if i % 12 == 0 else ("a",) if i % 2 else () for i in range(60)]
    data = labelled(labels, LabelsTarget(("a", "rare")))
    parts = split(data)
    assert parts.how == "stratified by rarest label, seed 0: 36 train, 12 validation, 12 test"
    assert [sum("rare" in labels[i] for i in part) for part in (parts.train, parts.val, parts.test)] == [3, 1, 1]
    assert parts.notes == ()
    single = split(labelled([("b", "a"), *labels[1:]], LabelsTarget(("a", "b", "rare"))))
    assert "one sample only, kept in train and not evaluated: b" in single.notes
    given: list[SplitName | None] = ["test", *["train"] * 39, *["val"] * 20]  # type: ignore[list-item]
    told = split(labelled([("b",), *labels[1:]], LabelsTarget(("a", "b", "rare")), given))
    assert told.notes == (
        "train has no sample of, and so does not teach: b",
        "test has no sample of, and so does not evaluate: a, rare",
    )


def test_tags_are_stratified_by_the_rarest_and_texts_to_be_written_by_chance() -> None:
    tags = [("O", "B-X") if i % 10 == 0 else ("O", "O") for i in range(50)]
    parts = split(labelled(tags, TagTarget(("O", "B-X"))))
    assert parts.how == "stratified by rarest tag, seed 0: 30 train, 10 validation, 10 test"
    assert [sum(i % 10 == 0 for i in part) for part in (parts.train, parts.val, parts.test)] == [3, 1, 1]
    written = split(labelled([f"{i}" for i in range(50)], TextTarget()))
    assert (written.how, written.notes) == ("at random, seed 0: 30 train, 10 validation, 10 test", ())


def test_groups_and_times_divide_labels_of_any_kind() -> None:
    labels = [(float(i),) for i in range(40)]
    data = labelled(labels, NumberTarget.of(("age",), labels))
    samples = [dataclasses.replace(s, group=f"{i // 4}") for i, s in enumerate(data.samples)]
    parts = split(dataclasses.replace(data, samples=tuple(samples)))
    assert "stratified by number (tenths), groups kept whole" in parts.how
    assert all(len({i // 4 for i in part.tolist()}) * 4 == len(part) for part in (parts.train, parts.val, parts.test))
    timed = [dataclasses.replace(s, time=float(-i)) for i, s in enumerate(data.samples)]
    parts = split(dataclasses.replace(data, samples=tuple(timed)))
    assert parts.test.tolist() == list(range(8))
    one = tuple(dataclasses.replace(s, group="one") for s in data.samples)
    with pytest.raises(DataError, match=r"1 group\(s\), kept whole, do not make 3 parts\n"):
        split(dataclasses.replace(data, samples=one))


def test_folds_have_some_of_every_kind_of_label() -> None:
    labels = [("a", "rare") if i % 10 == 0 else ("a",) for i in range(60)]
    found = make_folds(labelled(labels, LabelsTarget(("a", "rare"))), 3, (0,))
    assert found.how == "3 folds, stratified by rarest label; 20% of each training part is for validation"
    assert [sum(i % 10 == 0 for i in fold.split.test) for fold in found.every] == [2, 2, 2]
