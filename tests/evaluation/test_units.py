"""Samples that come in groups: intervals are as wide as the number of groups asks for, and no other result moves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.data.schema import IntArray, Sample
from warmstart.evaluation.compare import difference, metric_intervals, more_samples
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.intervals import bootstrap, bootstrap_confusion, macro_f1, paired
from warmstart.evaluation.scoring import interval_of
from warmstart.evaluation.units import Independent, Values, independent, number, several, units_of, widened
from warmstart.preprocess.cutting import Tile
from warmstart.task.base import tasks
from warmstart.task.classify import CLASSIFY
from warmstart.task.segment import SEGMENT

TRUTH = 0.75


def patients(rng: np.random.Generator, groups: int, sizes: IntArray) -> tuple[Values, IntArray]:
    """Right and wrong answers: how many are right is another thing for each patient, 75 % in the mean."""
    units = np.repeat(np.arange(groups), sizes)
    return (rng.random(len(units)) < rng.beta(3, 1, groups)[units]).astype(np.float64), units


def held(interval: Callable[[Values, IntArray], Interval], groups: int, *, equal: bool, draws: int = 160) -> float:
    rng, count = np.random.default_rng(0), 0
    for _ in range(draws):
        sizes = np.full(groups, 16) if equal else 1 + rng.geometric(1 / 12, groups)
        found = interval(*patients(rng, groups, sizes))
        count += found.low <= TRUTH <= found.high
    return count / draws


@pytest.mark.parametrize(("groups", "equal", "least"), [(5, True, 0.88), (20, True, 0.92), (20, False, 0.92)])
def test_intervals_of_grouped_samples_hold_the_truth_where_plain_ones_do_not(
    groups: int, equal: bool, least: float
) -> None:
    assert least <= held(lambda values, units: bootstrap(values, units=units), groups, equal=equal) <= 0.99
    assert held(lambda values, _: bootstrap(values), groups, equal=equal) < 0.8


def test_a_difference_between_equals_is_claimed_as_seldom_as_promised() -> None:
    rng, told, plain = np.random.default_rng(1), 0, 0
    for _ in range(120):
        a, units = patients(rng, 15, np.full(15, 12))
        b, _ = patients(rng, 15, np.full(15, 12))
        told += difference("a", a, "b", b, units=units).verdict in ("better", "worse")
        plain += difference("a", a, "b", b).verdict in ("better", "worse")
    assert told / 120 <= 0.08 < 0.2 < plain / 120


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=40), st.integers(0, 5))
def test_units_of_one_sample_change_nothing(values: list[float], seed: int) -> None:
    alone = np.random.default_rng(seed).permutation(len(values)) * 7
    assert bootstrap(values, seed=seed, units=alone) == bootstrap(values, seed=seed)
    assert paired(values, values[::-1], seed, alone) == paired(values, values[::-1], seed)


def test_without_groups_no_metric_moves_by_a_bit() -> None:
    make = torch.Generator().manual_seed(0)
    outputs, targets = torch.randn(60, 7, generator=make), torch.randint(0, 7, (60,), generator=make)
    targets[:5] = -1
    assert metric_intervals(CLASSIFY, outputs, targets, units=np.arange(60)) == metric_intervals(
        CLASSIFY, outputs, targets
    )


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6)), min_size=2, max_size=60), st.integers(0, 5))
def test_the_value_is_the_mean_of_samples_whatever_their_groups(rows: list[tuple[float, int]], seed: int) -> None:
    values, units = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found = bootstrap(values, seed=seed, units=units)
    assert found.value == pytest.approx(values.mean())
    assert -1e-9 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1 + 1e-9


def test_copies_of_every_sample_tell_no_more_than_the_samples() -> None:
    values = np.random.default_rng(0).random(40)
    once, often = bootstrap(values), bootstrap(np.repeat(values, 9), units=np.repeat(np.arange(40), 9))
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.1)


def test_one_group_says_nothing_of_others() -> None:
    one = np.zeros(30, np.int64)
    assert bootstrap([1] * 30, units=one) == Interval(1.0, 0.0, 1.0)
    assert paired([1] * 30, [0] * 30, units=one) == Interval(1.0, -1.0, 1.0)
    assert difference("a", [1] * 30, "b", [0] * 30, units=one).verdict == "no difference that this data can show"
    truth, said = np.repeat([0, 1], 15), np.repeat([0, 1, 1], 10)
    found = bootstrap_confusion(truth, said, 2, macro_f1, units=one)
    assert (found.low, found.high) == (0.0, 1.0)


def test_groups_that_are_all_equal_are_no_certainty() -> None:
    half = bootstrap([1, 0] * 12, units=np.repeat(np.arange(12), 2))
    assert half.low < 0.4 < 0.6 < half.high
    perfect = bootstrap([1] * 24, units=np.repeat(np.arange(12), 2))
    assert perfect == bootstrap([1] * 12)


def test_few_units_widen_and_many_do_not() -> None:
    draws = np.linspace(0.4, 0.6, 1001)
    widths = [found.high - found.low for found in (widened(0.5, draws, n) for n in (2, 3, 10, 10_000))]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == pytest.approx(0.19, rel=0.01)


def test_every_metric_of_classes_widens_with_groups() -> None:
    rng = np.random.default_rng(0)
    units = np.repeat(np.arange(20), 10)
    easy = rng.random(20)[units]
    truth = torch.from_numpy(rng.integers(0, 5, 200))
    said = torch.where(torch.from_numpy(rng.random(200) < easy), truth, (truth + 1) % 5)
    outputs = 3.0 * torch.nn.functional.one_hot(said, 5).float()
    plain, grouped = (metric_intervals(CLASSIFY, outputs, truth, units=one) for one in (None, units))
    for name, found in grouped.items():
        assert found.value == pytest.approx(plain[name].value)
        assert found.high - found.low > 1.3 * (plain[name].high - plain[name].low), name


def test_units_are_those_of_the_samples_whose_label_is_known() -> None:
    masks = torch.zeros(6, 4, 4, dtype=torch.uint8)
    masks[1] = 255
    outputs = torch.randn(6, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    units = np.array([0, 0, 0, 1, 1, 2])
    found = interval_of(SEGMENT, outputs, masks, 0, units)
    rest = [0, 2, 3, 4, 5]
    assert found == interval_of(SEGMENT, outputs[rest], masks[rest], 0, units[rest])


def test_shares_of_anomalies_rest_on_the_groups_of_their_kind() -> None:
    p = torch.rand(40, generator=torch.Generator().manual_seed(0))
    outputs, targets = torch.stack([1 / p, p, (p < 0.5).float()], 1), torch.arange(40) % 2
    units = np.arange(40) // 8
    plain, grouped = (metric_intervals(tasks["anomaly"], outputs, targets, units=one) for one in (None, units))
    assert {name: found.value for name, found in plain.items()} == pytest.approx(
        {name: found.value for name, found in grouped.items()}
    )
    own = bootstrap((outputs[targets == 1][:, 2] > 0.5).double().numpy(), units=units[targets.numpy() == 1])
    assert grouped["recall"] == own


def test_more_of_them_are_counted_in_units() -> None:
    rng = np.random.default_rng(0)
    a, units = patients(rng, 30, np.full(30, 8))
    b, _ = patients(rng, 30, np.full(30, 8))
    pair = difference("a", a + 0.03, "b", b, units=units)
    needed = more_samples(pair, number(units, len(units)))
    assert needed is None or needed < more_samples(pair, len(units)) * 1.01  # type: ignore[operator]


def test_what_units_are_called() -> None:
    tiles = [
        Sample(f"a{i}.png[0,{k}]", Tile(Path(f"a{i}.png"), (0, k, 9, k + 9)), group=f"a{i}.png")
        for i in (0, 1)
        for k in (0, 9)
    ]
    assert independent(tiles, "images") == Independent(2, "images", 4, "tiles")
    windows = [Sample(f"rec[{k}:{k + 9}]", None, group="rec") for k in (0, 9)]
    assert (independent(windows, "series") or Independent(0, "", 0, "")).words == "1 recording (2 windows)"
    visits = [Sample(str(i), None, group=f"patient {i // 3}") for i in range(6)]
    assert (independent(visits, "images") or Independent(0, "", 0, "")).words == "2 groups (6 images)"
    assert independent(visits[::3], "images") is None
    assert independent([Sample("a", None), Sample("b", None)], "texts") is None
    mixed = units_of([*visits, Sample("alone", None)])
    assert mixed is not None
    assert several(mixed).tolist() == [0, 0, 0, 1, 1, 1, 2]  # type: ignore[union-attr]
