"""Do the probabilities mean what they say? One temperature that makes them so, and the diagram that shows it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize_scalar
from torch import Tensor

from warmstart.evaluation.metrics import Labels, known_labels
from warmstart.evaluation.outcome import Reliability

Array = npt.NDArray[np.float64]
USUAL = 0.4
"""Standard deviation of ln T that `cautious_temperature` expects: two thirds of all within a factor of 1.5. Assumed."""
SHARPEST, FLATTEST = 1 / 200, 20.0
"""Bounds of the temperature. Scores of a ridge head lie within 0..1 and need a very small one."""


def fit_temperature(logits: Tensor, labels: Labels) -> float:
    """The temperature T that minimises the negative log likelihood of `softmax(logits / T)`, within [1/200, 20].

    The loss is convex in 1/T (Guo et al. 2017 fit T by gradient), so its one minimum is found to machine precision. If
    every sample is answered right the likelihood only grows as T falls, which says nothing of future samples; then the
    targets are smoothed by one imagined sample of every class (the spirit of Platt 1999, section 2.2). The result is
    never worse than T = 1 on the samples given; it is 1 if no label is known.

    >>> import torch
    >>> fit_temperature(torch.tensor([[8.0, 0.0]] * 4), torch.tensor([0, 0, 0, 1])) > 1  # sure, and wrong once in four
    True
    """
    known, targets = known_labels(logits, labels)
    if len(targets) == 0:
        return 1.0
    scores = known.double().numpy()
    truth = np.eye(scores.shape[1])[targets]
    if bool((scores[truth == 1] >= scores.max(1)).all()):
        imagined = 1 / (len(targets) + scores.shape[1])
        sharpness = _root(_slope(scores, truth * (1 - imagined) + imagined / scores.shape[1]))
    else:
        sharpness = _root(_slope(scores, truth))
    better = _nll(scores * sharpness, truth) < _nll(scores, truth)
    return float(1 / sharpness) if better else 1.0


def cautious_temperature(logits: Tensor, labels: Labels) -> float:
    """The temperature of highest posterior density when ln T is normal around 0 with standard deviation `USUAL`.

    A few samples say little of the temperature: with 20, the one of maximum likelihood can be further off than 1 is.
    With hundreds the prior has no weight and this is `fit_temperature`.

    >>> import torch
    >>> four = torch.tensor([[2.0, 0.0]] * 4), torch.tensor([0, 0, 0, 0])
    >>> fit_temperature(*four) < cautious_temperature(*four) < 1
    True
    """
    known, targets = known_labels(logits, labels)
    if len(targets) == 0:
        return 1.0
    scores = known.double().numpy()
    truth = np.eye(scores.shape[1])[targets]

    def surprise(log_temperature: float) -> float:
        likelihood = len(targets) * _nll(scores * np.exp(-log_temperature), truth)
        return likelihood + 0.5 * (log_temperature / USUAL) ** 2

    bounds = (np.log(SHARPEST), np.log(FLATTEST))
    found = minimize_scalar(surprise, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    return float(np.exp(found.x))


def _slope(scores: Array, truth: Array) -> Callable[[float], float]:
    """Derivative of the mean negative log likelihood in the sharpness 1/T: E_p[score] - E_truth[score]."""

    def slope(sharpness: float) -> float:
        return float(((_softmax(scores * sharpness) - truth) * scores).sum(1).mean())

    return slope


def _root(slope: Callable[[float], float]) -> float:
    low, high = 1 / FLATTEST, 1 / SHARPEST
    if slope(low) >= 0:
        return low
    if slope(high) <= 0:
        return high
    return float(brentq(slope, low, high, xtol=1e-12))


def _softmax(scores: Array) -> Array:
    shifted = np.exp(scores - scores.max(1, keepdims=True))
    shares: Array = shifted / shifted.sum(1, keepdims=True)
    return shares


def _nll(scores: Array, truth: Array) -> float:
    top = scores.max(1, keepdims=True)
    logs = scores - top - np.log(np.exp(scores - top).sum(1, keepdims=True))
    return float(-(truth * logs).sum(1).mean())


def reliability(logits: Tensor, labels: Labels, *, temperature: float = 1.0, bins: int = 10) -> Reliability:
    """Mean confidence against accuracy in equal-width bins of the confidence, and the expected calibration error.

    ECE = sum over bins of (share of samples) * |accuracy - confidence| (Naeini et al. 2015). `logits` (n, classes).

    >>> import torch
    >>> reliability(torch.tensor([[9.0, 0.0], [9.0, 0.0]]), torch.tensor([0, 1])).count[-1]
    2
    """
    known, targets = known_labels(logits, labels)
    shares = _softmax(known.double().numpy() / temperature)
    confidence, right = shares.max(1), shares.argmax(1) == targets
    place = np.clip((confidence * bins).astype(np.int64), 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    filled = np.maximum(count, 1)
    mean_confidence = np.bincount(place, confidence, bins) / filled
    accuracy = np.bincount(place, right, bins) / filled
    ece = float((count * np.abs(accuracy - mean_confidence)).sum() / max(1, len(targets)))
    return Reliability(
        edges=tuple(i / bins for i in range(bins + 1)),
        confidence=tuple(mean_confidence.tolist()),
        accuracy=tuple(accuracy.tolist()),
        count=tuple(count.tolist()),
        ece=ece,
    )
