"""Copies lie in one part, where the parts are ours to make."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.data.conftest import picture
from tests.data.test_split import made, named
from warmstart.data.audit import look_at
from warmstart.data.sources import load
from warmstart.data.split import split
from warmstart.data.together import copies


@given(
    rows=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), min_size=4, max_size=80),
    seed=st.integers(0, 50),
)
def test_copies_are_never_divided_and_train_has_every_class(rows: list[tuple[str, int]], seed: int) -> None:
    sets = [[i for i, (_, n) in enumerate(rows) if n == shown] for shown in range(31)]
    sets = [members for members in sets if len(members) > 1]
    labels = [label for label, _ in rows]
    found = split(made(labels), seed=seed, copies=sets)
    parts = named(found)
    part_of = {i: name for name, indices in parts.items() for i in indices}
    assert sorted(part_of) == list(range(len(rows)))
    assert all(len({part_of[i] for i in members}) == 1 for members in sets)
    assert {labels[i] for i in parts["train"]} == set(labels)
    assert any("kept in its part" in note for note in found.notes) == bool(sets)


def test_without_copies_in_what_is_divided_the_parts_are_as_they_were() -> None:
    data = made(list("ab" * 20), None, [*["train"] * 30, *["test"] * 10])  # type: ignore[list-item]
    assert named(split(data, copies=[[0, 35]])) == named(split(data))


def test_a_few_copies_leave_the_parts_in_proportion() -> None:
    labels, sets = list("aaab" * 250), [[i, i + 1] for i in range(0, 200, 4)]
    parts = split(made(labels), copies=sets)
    for indices, share in ((parts.train, 0.6), (parts.val, 0.2), (parts.test, 0.2)):
        counts = Counter(labels[i] for i in indices)
        assert abs(counts["a"] / 750 - share) < 0.02
        assert abs(counts["b"] / 250 - share) < 0.02


def test_groups_that_share_a_copy_go_together_and_times_too() -> None:
    groups = [f"g{i // 4}" for i in range(40)]
    parts = named(split(made(list("ab" * 20), list(groups)), copies=[[0, 39]]))
    part_of = {i: name for name, indices in parts.items() for i in indices}
    assert len({part_of[i] for i in (0, 1, 2, 3, 36, 37, 38, 39)}) == 1
    data = made(list("ab" * 20))
    timed = dataclasses.replace(
        data, samples=tuple(dataclasses.replace(s, time=float(i)) for i, s in enumerate(data.samples))
    )
    assert 0 in split(timed, copies=[[0, 39]]).test


def test_copies_and_look_alikes_are_found_but_not_a_kind_of_picture() -> None:
    images = [picture(seed, side=60) for seed in range(40)]
    images += [images[0], images[1].resize((48, 48), Image.Resampling.BILINEAR)]
    same = np.asarray(images[2])
    kind = [Image.fromarray(np.clip(same.astype(int) + i % 3, 0, 255).astype(np.uint8)) for i in range(30)]
    data = load((images + kind, ["a"] * 30 + ["b"] * 12 + ["a"] * 30))
    found = copies(data, look_at(data))
    assert [0, 40] in found
    assert [1, 41] in found
    exact = [members for members in found if min(members) >= 42 or 2 in members]
    assert sorted(map(len, exact)) == [10, 10, 11], "those of the same pixels, and no others"
