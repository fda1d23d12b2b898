from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from tests.select.transferability.support import clouds, softmax
from warmstart.errors import DataError
from warmstart.select.transferability import metrics, transferability, unavailable
from warmstart.select.transferability.estimate import RESAMPLES
from warmstart.select.transferability.gbc import gbc
from warmstart.select.transferability.h_score import h_score
from warmstart.select.transferability.leep import leep
from warmstart.select.transferability.logme import logme
from warmstart.select.transferability.nce import nce
from warmstart.select.transferability.nleep import nleep
from warmstart.select.transferability.transrate import transrate


def test_the_values_are_those_of_the_metrics_and_lie_within_their_intervals() -> None:
    features, labels = clouds(90, 20)
    source = softmax(features)
    found = transferability(features, labels + 5, source)
    expected = {m.__name__: m(features, labels) for m in (gbc, h_score, logme, nleep, transrate)}
    expected |= {m.__name__: m(source, labels) for m in (leep, nce)}
    assert set(found) == set(metrics)
    assert {name: interval.value for name, interval in found.items()} == pytest.approx(expected)
    for name, interval in found.items():
        low, high = metrics[name].bounds
        assert low <= interval.low < interval.value < interval.high <= high


def test_the_seed_gives_the_interval() -> None:
    features, labels = clouds(60, 8)
    assert transferability(features, labels, seed=1) == transferability(features, labels, seed=1)
    assert transferability(features, labels, seed=1)["logme"] != transferability(features, labels, seed=2)["logme"]


def test_without_a_source_head_two_metrics_are_absent_and_it_is_said_why() -> None:
    features, labels = clouds(60, 8)
    absent = unavailable(None)
    assert set(absent) | set(transferability(features, labels)) == set(metrics)
    assert set(absent) == {"leep", "nce"}
    assert "LEEP needs the probabilities" in absent["leep"]
    assert unavailable(softmax(features)) == {}


def test_samples_of_source_and_features_must_be_the_same() -> None:
    features, labels = clouds(60, 8)
    with pytest.raises(DataError, match="labels"):
        transferability(features, labels, softmax(features)[:50])
    with pytest.raises(ValueError, match="two resamples"):
        transferability(features, labels, resamples=1)


def test_two_samples_of_each_class_are_enough_to_say_how_unsure_it_is() -> None:
    features, labels = clouds(10, 6, classes=5)
    few = transferability(features, labels)["h_score"]
    many = transferability(*clouds(400, 6, classes=5))["h_score"]
    assert few.high - few.low > many.high - many.low


def test_intervals_are_about_as_wide_as_the_values_of_other_samples_are_spread() -> None:
    found = []
    for seed in range(30):  # samples of one population
        features, labels = clouds(120, 8, apart=0, seed=1000 + seed)
        found.append(transferability(features + 1.5 * np.eye(3, 8)[labels], labels))
    for name in found[0]:
        of_metric = [f[name] for f in found]
        spread = np.std([i.value for i in of_metric], ddof=1)
        error = np.sqrt(np.mean([(i.value - i.low) ** 2 for i in of_metric])) / t.ppf(0.975, RESAMPLES - 1)
        assert 0.5 < error / spread < 2, name
