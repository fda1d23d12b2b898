"""Segmentation: metrics from counts of pixels, and what is answered."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score
from torch import Tensor
from torch.nn import functional

from warmstart.data.scenes import MaskTarget
from warmstart.errors import RecipeError
from warmstart.task.base import task_of
from warmstart.task.maskcounts import counted, counted_in_strips, in_band
from warmstart.task.segment import SEGMENT, Segment

CLASSES = ("sky", "sea", "land", "ice")


def blobs(n: int, size: int, classes: int, seed: int) -> Tensor:
    """Maps of classes (n, size, size) with regions rather than noise, uint8."""
    make = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(make.normal(size=(n, classes, size, size)), (0, 0, size / 12, size / 12))
    return torch.from_numpy(smooth.argmax(1).astype(np.uint8))


def as_logits(maps: Tensor, classes: int) -> Tensor:
    return functional.one_hot(maps.long(), classes).movedim(-1, 1).float() * 5


def scene(n: int = 3, size: int = 40) -> tuple[Tensor, Tensor]:
    """Logits and true classes, alike and not the same; some pixels are ignored, and a class does not occur."""
    truth, said = blobs(n, size, 3, 0), blobs(n, size, 4, 1)
    said = torch.where(torch.rand(n, size, size, generator=torch.Generator().manual_seed(0)) < 0.5, truth, said)
    truth[:, :4] = 255
    return as_logits(said, 4), truth


def test_metrics_are_those_of_scikit_learn_over_all_pixels() -> None:
    logits, truth = scene()
    known = truth != 255
    true, said = truth[known].numpy(), logits.argmax(1)[known].numpy()
    found, occurs = SEGMENT.metrics(logits, truth), [0, 1, 2]
    assert found["miou"] == pytest.approx(jaccard_score(true, said, average="macro", labels=occurs))
    assert found["dice"] == pytest.approx(f1_score(true, said, average="macro", labels=occurs))
    assert found["pixel_accuracy"] == pytest.approx(float((true == said).mean()))
    table = confusion_matrix(true, said, labels=[0, 1, 2, 3])
    rows = SEGMENT.by_class(logits, truth, CLASSES)
    for i in occurs:
        assert rows[i]["iou"] == pytest.approx(table[i, i] / (table[i].sum() + table[:, i].sum() - table[i, i]))
    assert rows[3]["iou"] is None
    assert [row["name"] for row in rows] == list(CLASSES)
    assert sum(row["share"] for row in rows) == pytest.approx(1.0)


def boundary_of(mask: np.ndarray, width: int) -> np.ndarray:
    """`mask_to_boundary` of the authors of Boundary IoU, with scipy in place of cv2."""
    padded = np.pad(mask, 1)
    eroded = ndimage.binary_erosion(padded, np.ones((3, 3), bool), iterations=width)[1:-1, 1:-1]
    found: np.ndarray = mask & ~eroded
    return found


@pytest.mark.parametrize("size", [40, 150])
def test_boundary_iou_is_that_of_its_authors(size: int) -> None:
    truth, said = blobs(2, size, 3, 2), blobs(2, size, 3, 3)
    width, right, either = max(1, round(0.02 * np.hypot(size, size))), np.zeros(3), np.zeros(3)
    for true, told in zip(truth.numpy(), said.numpy(), strict=True):
        for c in range(3):
            a, b = boundary_of(true == c, width), boundary_of(told == c, width)
            right[c], either[c] = right[c] + (a & b).sum(), either[c] + (a | b).sum()
    found = SEGMENT.metrics(as_logits(said, 3), truth)["boundary_iou"]
    assert found == pytest.approx(float((right / either).mean()))


def test_bands_run_along_every_edge_and_no_deeper() -> None:
    maps = torch.zeros(1, 50, 50, dtype=torch.uint8)
    maps[:, :, 25:] = 1
    band = in_band(maps)[0]
    assert bool(band[25, 24] and band[25, 25] and band[0, 10] and band[49, 49])
    assert not band[25, 22]
    assert int(band.sum()) == 50 * 50 - 2 * 48 * 23


def test_a_right_answer_is_right_along_edges_too_whatever_is_ignored() -> None:
    _, truth = scene()
    said = torch.where(truth == 255, torch.ones_like(truth), truth)
    found = SEGMENT.metrics(as_logits(said, 4), truth)
    assert found == {"miou": 1.0, "dice": 1.0, "boundary_iou": 1.0, "pixel_accuracy": 1.0, "image_error": 0.0}


def test_counts_are_kept_and_say_all_that_is_measured() -> None:
    logits, truth = scene()
    kept = SEGMENT.answered(logits, truth)
    assert kept.shape == (3, 6 * 4 + 1)
    assert SEGMENT.metrics(kept, truth) == pytest.approx(SEGMENT.metrics(logits, truth))
    assert SEGMENT.answered(kept, truth) is kept
    torch.testing.assert_close(SEGMENT.loss(kept, truth), SEGMENT.loss(logits, truth))


def test_values_of_images_foresee_what_the_metric_is_when_one_counts_more() -> None:
    """The infinitesimal jackknife: the slope of the metric in the weight of an image."""
    logits, truth = scene(n=5)
    kept = SEGMENT.answered(logits, truth).double()
    value = SEGMENT.values(kept, truth)
    more = 50  # an image fifty-one times, and the others fifty times
    for i in range(5):
        repeated, true = (torch.cat([each] * more + [each[i : i + 1]]) for each in (kept, truth))
        change = SEGMENT.metrics(repeated, true)["miou"] - SEGMENT.metrics(kept, truth)["miou"]
        foreseen = (float(value["miou"][i]) - float(value["miou"].mean())) / (5 * more + 1)
        assert change == pytest.approx(foreseen, abs=2e-5, rel=0.05)


def test_values_of_a_class_have_its_metrics_as_their_means() -> None:
    logits, truth = scene()
    rows, values = SEGMENT.by_class(logits, truth, CLASSES), SEGMENT.class_values(logits, truth)
    assert sorted(values) == [0, 1, 2]
    for i, found in values.items():
        for name in ("iou", "dice", "boundary_iou"):
            assert float(found[name].mean()) == pytest.approx(rows[i][name])


def test_images_of_which_nothing_is_known_count_nowhere() -> None:
    logits, truth = scene()
    truth[1] = 255
    some = [0, 2]
    assert SEGMENT.metrics(logits, truth) == pytest.approx(SEGMENT.metrics(logits[some], truth[some]))
    torch.testing.assert_close(SEGMENT.loss(logits, truth), SEGMENT.loss(logits[some], truth[some]))
    assert SEGMENT.weight(truth) == 2.0


def test_class_weights_and_smoothing_reach_the_loss() -> None:
    logits, truth = scene()
    plain = Segment(loss="cross_entropy")
    weights = plain.balanced(truth, 4)
    assert float(plain.loss(logits, truth, label_smoothing=0.1)) > float(plain.loss(logits, truth))
    assert float(plain.loss(logits, truth, class_weights=weights)) != float(plain.loss(logits, truth))


def test_median_frequency_balances_classes() -> None:
    truth = torch.zeros(4, 10, 10, dtype=torch.uint8)
    truth[:, 0] = 1  # a tenth of every image
    truth[0, 1] = 2  # a tenth of the one image where it occurs
    truth[3] = 255
    weights = SEGMENT.balanced(truth, 4)
    assert weights[1] == weights[2] == 1.0
    assert float(weights[0]) == pytest.approx(0.1 / (260 / 300))
    assert weights[3] == 1.0
    assert SEGMENT.balanced(truth[3:], 4).tolist() == [1.0] * 4


def test_several_networks_answer_with_their_mean_probability() -> None:
    one, other = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    both = (one.softmax(1) + other.softmax(1)) / 2
    torch.testing.assert_close(SEGMENT.combine([one, other]).softmax(1), both)
    torch.testing.assert_close(SEGMENT.checked(one), one.double().softmax(1).mean((2, 3)))


def test_an_answer_is_a_map_of_classes_and_their_shares() -> None:
    maps = torch.zeros(1, 4, 4, dtype=torch.uint8)
    maps[0, 0] = 2
    answer = SEGMENT.decode(as_logits(maps, 4), MaskTarget(CLASSES))[0]
    assert answer["mask"].dtype == np.uint8
    assert np.array_equal(answer["mask"], maps[0].numpy())
    assert answer["shares"] == {"sky": 0.75, "land": 0.25}
    kept = SEGMENT.answered(as_logits(maps, 4), maps)
    assert SEGMENT.decode(kept, MaskTarget(CLASSES)) == [{"shares": {"sky": 0.75, "land": 0.25}}]


def test_the_target_says_which_loss_and_one_that_there_is_not_is_refused() -> None:
    logits, truth = scene()
    focal = task_of(MaskTarget(CLASSES, loss="focal"))
    assert float(focal.loss(logits, truth)) < float(task_of(MaskTarget(CLASSES)).loss(logits, truth))
    with pytest.raises(RecipeError, match="'dice'"):
        task_of(MaskTarget(CLASSES, loss="dise"))


@pytest.mark.parametrize(("rows", "ignored"), [(1, 0), (3, 4), (100, 4)])
def test_counts_in_strips_are_those_of_the_whole(rows: int, ignored: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmstart.task.maskcounts.STRIP", 60 * rows)
    truth, said = blobs(1, 60, 3, 0)[:, :45], blobs(1, 60, 4, 1)[:, :45]
    truth[:, :ignored] = 255
    strips = counted_in_strips(said[0].numpy(), truth[0].numpy(), 4)
    assert torch.equal(strips.float(), counted(as_logits(said, 4), truth)[0])
