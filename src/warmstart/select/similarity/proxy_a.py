"""Proxy A-distance: how well a linear classifier tells the two sets apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from warmstart.data.schema import IntArray
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.intervals import bootstrap
from warmstart.select.similarity.kernel import Floats
from warmstart.select.similarity.measure import Measure, at_least
from warmstart.select.similarity.pair import Pair

FOLDS = 5


def held_out_scores(a: Floats, b: Floats, *, seed: int = 0) -> tuple[Floats, Floats]:
    """Scores of `a` (n, d) and `b` (m, d) by a linear classifier that has not seen them; above 0 it says "b".

    Linear discriminant analysis with equal priors, in five folds: closed form, so it can be repeated for every half.
    """
    x, y = np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
    classifier = LinearDiscriminantAnalysis(solver="lsqr", priors=[0.5, 0.5])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    scores: Floats = cross_val_predict(classifier, x, y, cv=folds, method="decision_function")
    return scores[: len(a)], scores[len(a) :]


def proxy_a_distance(error: float) -> float:
    """2 (1 - 2 error), at least 0; Ben-David et al. 2007, section 4. 0 is chance, 2 is always right.

    >>> proxy_a_distance(0.5), proxy_a_distance(0.0)
    (0.0, 2.0)
    """
    return max(2 * (1 - 2 * error), 0.0)


def right_share(distance: float) -> float:
    """The share of samples that the classifier is right about, both sets counting the same.

    >>> right_share(2.0)
    1.0
    """
    return (1 + distance / 2) / 2


def balanced_error(right_a: npt.NDArray[np.bool_], right_b: npt.NDArray[np.bool_]) -> Interval:
    """Mean of both sets' error rates with its 95 % interval.

    Each rate's interval is `bootstrap`'s (exact where all are right); the two are combined by MOVER, Zou and Donner
    2008, eq. 3.
    """
    rates = [bootstrap(~right) for right in (right_a, right_b)]
    value = (rates[0].value + rates[1].value) / 2
    below = sum((r.value - r.low) ** 2 for r in rates) ** 0.5 / 2
    above = sum((r.high - r.value) ** 2 for r in rates) ** 0.5 / 2
    return Interval(value, max(value - below, 0.0), min(value + above, 1.0))


def _scores(pair: Pair, first: IntArray, second: IntArray) -> tuple[Floats, Floats]:
    key = first.tobytes() + b"|" + second.tobytes()
    if key not in pair.held_out:
        a, b = pair.components[first], pair.components[second]
        pair.held_out[key] = held_out_scores(a, b, seed=pair.seed)
    return pair.held_out[key]


def _between(pair: Pair, first: IntArray, second: IntArray) -> float:
    a, b = _scores(pair, first, second)
    return proxy_a_distance(float((a > 0).mean() + (b <= 0).mean()) / 2)


def _interval(pair: Pair) -> Interval:
    a, b = _scores(pair, pair.a, pair.b)
    error = balanced_error(a <= 0, b > 0)
    return Interval(*(proxy_a_distance(e) for e in (error.value, error.high, error.low)))


def _auc(pair: Pair, first: IntArray, second: IntArray) -> float:
    a, b = _scores(pair, first, second)
    return float(roc_auc_score(np.repeat([0, 1], [len(a), len(b)]), np.concatenate([a, b])))


_NEEDS = at_least(5 * FOLDS, f"{FOLDS} folds of fewer hold too few to count errors on")

PROXY_A = Measure(
    name="proxy_a",
    title="proxy A-distance",
    how=f"2 (1 - 2 error) of a linear classifier between A and B in {FOLDS} folds (Ben-David et al. 2007), errors of "
    "both sets counting the same; 0 is chance, 2 is always right; the interval is the bootstrap over held-out samples",
    between=_between,
    needs=_NEEDS,
    least=0.0,
    greatest=2.0,
    interval=_interval,
)
AUC = Measure(
    name="auc",
    title="classifier AUC",
    how="area under the ROC curve of the same classifier on the samples it has not seen; 0.5 is chance",
    between=_auc,
    needs=_NEEDS,
    least=0.0,
    greatest=1.0,
)
