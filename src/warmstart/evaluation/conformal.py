"""Sets of classes that hold the true one as often as asked: split conformal prediction.

The nonconformity of a class is one minus its calibrated probability (LAC: Sadinle, Lei and Wasserman 2019, "Least
ambiguous set-valued classifiers with bounded error levels"). Of all scores of this kind it gives the smallest sets on
average; adaptive sets (APS: Romano, Sesia and Candès 2020) reach just the coverage that was asked only with a random
draw per sample, so that the same image would get another set the next time, and are far larger without it. Asked 0.9,
a logistic head on frozen Lite0 (1000 labels; 200 to calibrate; means of 50 draws) reached .894 with 1.08 labels per set
on Fashion-MNIST and .903 with 1.14 on CIFAR-10; APS without the draw .994 with 3.80, and .996 with 4.56.

The guarantee is for samples like those that it was calibrated on, on average over them and not for each class: in the
same runs the class that was covered least reached .68 and .80. Validation also chose the model and its temperature, and
the model that is handed over was fitted again on more labels: measured on test is what was reached.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.errors import DataError
from warmstart.evaluation.intervals import bootstrap
from warmstart.evaluation.metrics import BoolArray, Labels, known_labels
from warmstart.evaluation.outcome import Coverage

Scores = npt.NDArray[np.float64]
COVERAGES = (0.8, 0.9, 0.95)
"""Those that a report measures."""


def nonconformity(logits: Tensor, labels: Labels) -> Scores:
    """One minus the probability of the true class, of calibrated logits (n, classes), sorted; unknown labels are left
    out.

    >>> import torch
    >>> nonconformity(torch.zeros(2, 4), torch.tensor([0, -1])).tolist()
    [0.75]
    """
    known, targets = known_labels(logits, labels)
    shares = known.double().softmax(1).numpy()
    found: Scores = np.sort(1 - shares[np.arange(len(targets)), targets])
    return found


def smallest(coverage: float) -> int:
    """How many calibration samples it takes at least for a coverage.

    >>> smallest(0.9), smallest(0.95)
    (9, 19)
    """
    return math.ceil(round(coverage / (1 - coverage), 9))


def rank(n: int, coverage: float) -> int:
    """Of n sorted scores, the one that a new score does not pass in at least `coverage` of all cases, counted from 1.

    `ceil((n + 1) coverage)`, for exchangeable scores (Vovk et al. 2005; Angelopoulos and Bates 2021, theorem 1). More
    than n: so few say nothing of it.

    >>> rank(9, 0.9), rank(8, 0.9), rank(99, 0.7)
    (9, 9, 70)
    """
    return math.ceil(round((n + 1) * coverage, 9))  # 100 * 0.55 is 55.00000000000001


def quantile(scores: Scores, coverage: float) -> float:
    """The score, of n sorted ones, that a new sample does not pass in at least `coverage` of all cases.

    >>> quantile(np.array([0.1, 0.2, 0.3, 0.4]), 0.8)
    0.4

    Raises:
        DataError: `coverage` lies outside (0, 1), or so few samples cannot support it.
    """
    if not 0 < coverage < 1:
        raise DataError(
            f"a coverage of {coverage:g}", expected="a share between 0 and 1, such as 0.9", do="ask for another"
        )
    at = rank(len(scores), coverage)
    if at > len(scores):
        can = len(scores) / (len(scores) + 1)
        raise DataError(
            f"{len(scores)} validation samples cannot support a coverage of {coverage:g}",
            expected=f"at least {smallest(coverage)} of them" + (f", or at most {can:.3g}" if can else ""),
            do="ask for less, or fit with more validation samples",
        )
    return float(scores[at - 1])


def sets(logits: Tensor, scores: Scores, coverage: float) -> BoolArray:
    """Which classes are in the set of each sample, (n, classes), for calibrated logits (n, classes).

    The most probable class always is: an empty set would say nothing, and the coverage only grows.

    >>> import torch
    >>> sets(torch.tensor([[2.0, 1.8, -3.0], [9.0, 0.0, 0.0]]), np.array([0.1, 0.2, 0.3, 0.6]), 0.8).tolist()
    [[True, True, False], [True, False, False]]

    Raises `DataError` as `quantile` does.
    """
    shares = logits.double().softmax(1).numpy()
    inside: BoolArray = (1 - shares <= quantile(scores, coverage)) | (shares == shares.max(1, keepdims=True))
    return inside


def measured_coverage(
    logits: Tensor,
    labels: Labels,
    scores: Scores,
    coverage: float,
    *,
    seed: int = 0,
    units: IntArray | None = None,
) -> Coverage:
    """How often the sets hold the true class of samples that nothing was calibrated on, and how large they are.

    `units` (n,) number samples that belong together.
    """
    known, targets = known_labels(logits, labels)
    inside = sets(known, scores, coverage)
    held = inside[np.arange(len(targets)), targets]
    whole = None if units is None else units[np.asarray(labels) >= 0]
    reached = bootstrap(held, seed=seed, units=whole)
    return Coverage(coverage, reached, float(inside.sum(1).mean()), float((inside.sum(1) == 1).mean()))
