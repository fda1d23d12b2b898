"""What every registered metric promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group

from tests.select.transferability.support import clouds, softmax
from warmstart.data.schema import IntArray
from warmstart.select.transferability import metrics
from warmstart.select.transferability.components import components
from warmstart.select.transferability.inputs import Floats
from warmstart.select.transferability.nleep import posteriors


def value(name: str, features: Floats, labels: IntArray) -> float:
    metric = metrics[name]
    if metric.view == "source":
        return metric.score(softmax(features), labels)
    if metric.view == "features":
        return metric.score(features, labels)
    scores = components(features)
    view = scores if metric.view == "components" else posteriors(features, scores, int(labels.max()) + 1)
    return metric.score(view, labels)


@pytest.mark.parametrize("name", metrics)
def test_features_that_tell_the_classes_apart_score_higher_than_others(name: str) -> None:
    features, labels = clouds(120, 10, apart=5)
    shuffled = np.random.default_rng(1).permutation(labels)
    assert metrics[name].higher_is_better
    assert value(name, features, labels) > value(name, features, shuffled)


@pytest.mark.parametrize("name", metrics)
def test_values_lie_within_what_is_said_of_them(name: str) -> None:
    low, high = metrics[name].bounds
    for apart in (0.0, 5.0):
        assert low <= value(name, *clouds(40, 60, apart=apart)) <= high


@pytest.mark.parametrize("name", [name for name in metrics if metrics[name].view != "posteriors"])
def test_the_order_of_the_samples_has_no_part_in_it(name: str) -> None:
    # but in a mixture's: k-means draws its first centres by position
    features, labels = clouds(60, 8)
    order = np.random.default_rng(0).permutation(60)
    assert value(name, features[order], labels[order]) == pytest.approx(value(name, features, labels), rel=1e-6)


@pytest.mark.parametrize("name", metrics)
def test_what_the_classes_are_called_has_no_part_in_it(name: str) -> None:
    features, labels = clouds(60, 8)
    assert value(name, features, 2 - labels) == pytest.approx(value(name, features, labels), rel=1e-6)


@pytest.mark.parametrize("name", [name for name in metrics if metrics[name].needs == "features"])
def test_a_rotation_of_the_features_changes_nothing(name: str) -> None:
    features, labels = clouds(60, 8)
    turned = features @ ortho_group.rvs(8, random_state=0)
    # signs of the components may turn, and so where a mixture starts
    tolerance = 0.5 if metrics[name].view == "posteriors" else 1e-6
    assert value(name, turned, labels) == pytest.approx(value(name, features, labels), rel=tolerance)


@pytest.mark.parametrize("name", metrics)
def test_a_metric_says_where_it_comes_from_and_what_it_needs(name: str) -> None:
    metric = metrics[name]
    assert metric.paper[-4:].isdigit()
    assert metric.needs == ("source probabilities" if name in {"leep", "nce"} else "features")
