"""Average precision, checked against pycocotools, and what each image adds to it against resampling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.task.drawn_boxes import coco, expected, scene
from warmstart.task.box_matching import FloatArray, Matches, areas_of_a_pixel, matched
from warmstart.task.box_precision import curve, metric_values, precisions
from warmstart.task.detect import DETECT


def measured(said: Tensor, told: Tensor, classes: int) -> dict[str, float]:
    return {name: float(v.mean()) for name, v in metric_values(matched(said, told, classes), ()).items()}


def box(label: int, left: float, side: float = 50.0) -> list[float]:
    return [label, left, 10.0, left + side, 10.0 + side, side**2]


def test_a_case_counted_by_hand() -> None:
    told = torch.tensor([[box(0, 0), box(0, 100)], [box(0, 0), box(-1, 0)]])
    said = torch.tensor([[box(0, 0), box(0, 200)], [box(0, 0), box(-1, 0)]])[..., [0, 0, 1, 2, 3, 4]]
    said[..., 1] = torch.tensor([[0.9, 0.8], [0.7, 0.0]])
    found = measured(said, told, 1)
    # hit, miss, hit of three: precision 1 up to recall 1/3 (34 of 101), 2/3 up to 2/3 (33 of 101), 0 beyond
    assert found["map"] == pytest.approx((34 + 33 * 2 / 3) / 101)
    assert found["mar_100"] == pytest.approx(2 / 3)
    assert found == pytest.approx(expected(coco(said, told, 1)), abs=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_all_that_coco_reports_is_equal(seed: int) -> None:
    said, told = scene(seed, images=20 + seed, classes=1 + seed % 4)
    found = measured(said, told, 1 + seed % 4)
    assert found == pytest.approx(expected(coco(said, told, 1 + seed % 4)), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 4), st.integers(1, 5), st.integers(1, 12))
def test_few_images_are_as_coco_has_them(seed: int, images: int, classes: int, objects: int, most: int) -> None:
    said, told = scene(seed, images, classes, objects, most)
    if bool((told[..., 0] >= 0).any()) and bool((said[..., 0] >= 0).any()):
        assert measured(said, told, classes) == pytest.approx(expected(coco(said, told, classes)), abs=1e-6)


def test_of_a_class_in_an_image_a_hundred_detections_count() -> None:
    said, told = scene(3, images=4, classes=1, most=160)
    assert int((said[..., 0] >= 0).sum(1).max()) > 100
    assert measured(said, told, 1) == pytest.approx(expected(coco(said, told, 1)), abs=1e-6)


def test_a_crowd_of_another_class_excuses_nothing() -> None:
    said = torch.tensor([[[0.0, 0.9, 0.0, 10.0, 50.0, 60.0], [0.0, 0.8, 100.0, 10.0, 150.0, 60.0]]])
    told = torch.tensor([[box(0, 100), box(-2, 0)]])
    assert measured(said, told, 2)["map"] == pytest.approx(1.0)
    told[0, 1, 0] = -3
    assert measured(said, told, 2)["map"] == pytest.approx(0.5)


def test_detections_of_an_image_without_objects_are_measured_by_the_stated_scale_or_that_of_others() -> None:
    rows = torch.tensor([[box(0, 0), box(-1, 0)], [box(-1, 0), box(-1, 0)]])
    rows[0, 0, 5], rows[:, :, 5] = 2500 * 4, rows[:, :, 5] * 0
    rows[0, 0, 5] = 2500 * 4
    assert areas_of_a_pixel(rows.double().numpy()).tolist() == [4.0, 4.0]
    rows[1, 0, 5] = 9.0
    assert areas_of_a_pixel(rows.double().numpy()).tolist() == [4.0, 9.0]


@pytest.mark.parametrize("seed", range(4))
def test_the_mean_of_the_values_is_the_metric_and_of_the_slopes_nothing(seed: int) -> None:
    found = matched(*scene(seed, images=30), 3)
    all_of_it = precisions(found)
    assert metric_values(found, ())["map"].mean() == pytest.approx(np.nanmean(all_of_it.ap[0]), abs=1e-12)
    np.testing.assert_allclose(all_of_it.slope.mean(-1), 0.0, atol=1e-9)
    np.testing.assert_allclose(all_of_it.recall_slope.mean(-1), 0.0, atol=1e-9)


def enclosed(found: Matches, weights: FloatArray) -> float:
    """The area under the curve of weighted images, mean over thresholds and classes, as it is written on paper."""
    areas = []
    for label in range(found.truths.shape[2]):
        here, truths = found.of_class(label), float(weights @ found.truths[0, :, label])
        for hit, counts in zip(found.hit[0, :, here], found.counts[0, :, here], strict=True):
            by = weights[found.image[here]]
            precision = np.cumsum(by * hit) / np.cumsum(by * counts).clip(1e-12)
            areas.append(sum(by[j] * precision[j:].max() for j in np.flatnonzero(hit)) / truths)
    return float(np.mean(areas))


@pytest.mark.parametrize("seed", range(3))
def test_a_value_says_what_more_weight_on_its_image_does(seed: int) -> None:
    found = matched(*scene(seed, images=10, classes=2, objects=5, most=20), 2)
    values, step, ones = metric_values(found, ())["map"], 1e-6, np.ones(10)
    told = [(enclosed(found, ones + step * at) - enclosed(found, ones - step * at)) / (2 * step) for at in np.eye(10)]
    assert np.abs(told).max() > 0.01
    np.testing.assert_allclose(values - values.mean(), 10 * np.array(told), atol=1e-4)


def test_the_spread_of_the_values_is_that_of_the_bootstrap() -> None:
    said, told = scene(5, images=60, objects=5, most=20)
    values, rng = DETECT.values(said, told), np.random.default_rng(0)
    drawn = [torch.from_numpy(rng.integers(0, 60, 60)) for _ in range(120)]
    again = [DETECT.metrics(said[rows], told[rows]) for rows in drawn]
    for name in ("map", "map_50", "map_75", "map_medium", "mar_100", "ap_1", "lrp_error"):
        spread = np.std([metrics[name] for metrics in again])
        assert float(values[name].std()) / 60**0.5 == pytest.approx(spread, rel=0.25), name


def test_a_curve_has_the_average_precision_for_its_mean() -> None:
    found = matched(*scene(1, images=25), 3)
    for label in range(3):
        for at, threshold in ((0, 0.5), (5, 0.75)):
            got = curve(found, label, threshold)
            assert got.precision.mean() == pytest.approx(precisions(found).ap[0, at, label])
            assert (np.diff(got.precision) <= 0).all()
            assert (np.diff(got.score) <= 0).all()


def test_a_class_without_objects_has_no_curve_and_one_without_detections_a_flat_one() -> None:
    told = torch.tensor([[box(0, 0)]])
    found = matched(torch.full((1, 1, 6), -1.0), told, 2)
    assert not curve(found, 0).precision.any()
    assert np.isnan(curve(found, 1).precision).all()
    assert "ap_1" not in metric_values(found, ())
