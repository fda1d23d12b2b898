from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from warmstart.data.targets import NumberTarget
from warmstart.task.base import task_of
from warmstart.task.regress import REGRESS


@given(st.integers(3, 40), st.integers(1, 3), st.integers(0, 99))
def test_metrics_are_those_of_scikit_learn(n: int, numbers: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, said = rng.normal(size=(n, numbers)), rng.normal(size=(n, numbers))
    found = REGRESS.metrics(torch.from_numpy(said), torch.from_numpy(truth))
    assert found["r2"] == pytest.approx(r2_score(truth, said))
    assert found["mae"] == pytest.approx(mean_absolute_error(truth, said))
    assert found["spearman"] == pytest.approx(spearmanr(said[:, 0], truth[:, 0]).statistic)
    if numbers == 1:
        assert found["rmse"] == pytest.approx(root_mean_squared_error(truth, said))


def test_one_number_is_told_in_the_unit_of_the_user() -> None:
    labels = [(20.0,), (40.0,), (60.0,), (80.0,)]
    target = NumberTarget.of(["age"], labels)
    truth = torch.from_numpy(target.encode(labels))
    task, off_by_ten = task_of(target), truth + 10 / target.scale[0]
    assert task.metrics(off_by_ten, truth)["mae"] == pytest.approx(10)
    assert task.metrics(off_by_ten, truth)["rmse"] == pytest.approx(10)
    assert [row["value"] for row in task.decode(off_by_ten, target)] == pytest.approx([30, 50, 70, 90])


def test_no_rate_or_loss_depends_on_the_unit() -> None:
    labels = [(1.0,), (2.0,), (4.0,)]
    other = [(1000 * value + 7,) for (value,) in labels]
    encoded = [NumberTarget.of(["x"], each).encode(each) for each in (labels, other)]
    np.testing.assert_allclose(encoded[0], encoded[1], rtol=1e-5)


def test_numbers_that_are_all_equal_are_no_reason_to_divide_by_nothing() -> None:
    target = NumberTarget.of(["x"], [(3.0,), (3.0,)])
    assert target.encode([(3.0,), (4.0,)]).tolist() == [[0.0], [1.0]]
