"""Optimal-transport dataset distance: what it costs to move A onto B, where a move changes features and label."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial.distance import cdist

from warmstart.data.schema import IntArray
from warmstart.select.similarity.frechet import bures, root
from warmstart.select.similarity.kernel import Floats
from warmstart.select.similarity.measure import Measure
from warmstart.select.similarity.pair import Pair

PER_CLASS = 10
"""Samples of a class that a Gaussian of it takes."""
MOST = 600
"""Samples of each set: exact transport of n samples takes more than n² operations."""


def otdd(a: Floats, labels_a: IntArray, b: Floats, labels_b: IntArray) -> float:
    """Distance of the labelled sets `a` (n, d), `labels_a` (n,) and `b` (m, d), `labels_b` (m,).

    The root of the least mean of |x - y|² + W²(class of x, class of y) over all ways to move `a` onto `b`, where W² is
    the squared 2-Wasserstein distance of the classes' Gaussians (Alvarez-Melis and Fusi 2020, section 4, p = 2). The
    transport is exact. Class names play no part: which class of `b` is like which of `a` is found.
    """
    from ot import emd2  # loads whichever of torch, jax, ... is there

    classes_a, of_a = np.unique(labels_a, return_inverse=True)
    classes_b, of_b = np.unique(labels_b, return_inverse=True)
    sets = [[x[of == c] for c in range(len(names))] for x, of, names in ((a, of_a, classes_a), (b, of_b, classes_b))]
    means = [np.array([x.mean(0) for x in those]) for those in sets]
    roots = [[root(x) for x in those] for those in sets]
    between = cdist(means[0], means[1], "sqeuclidean") + np.array([[bures(x, y) for y in roots[1]] for x in roots[0]])
    cost = cdist(a, b, "sqeuclidean") + between[np.ix_(of_a, of_b)]
    even = [np.full(len(x), 1 / len(x)) for x in (a, b)]
    return math.sqrt(max(float(emd2(*even, cost, numItermax=1_000_000)), 0.0))


def _rows_by_class(pair: Pair, rows: IntArray, least: int) -> IntArray:
    """Those of the rows whose class has at least `least` samples among them."""
    assert pair.labels is not None  # `_needs` refuses pairs without
    labels = pair.labels[rows]
    counts = np.bincount(labels + 1, minlength=labels.max(initial=-1) + 2)
    kept: IntArray = rows[(labels >= 0) & (counts[labels + 1] >= least)]
    return kept


def _between(pair: Pair, first: IntArray, second: IntArray) -> float:
    assert pair.labels is not None
    a, b = (_rows_by_class(pair, rows, 2) for rows in (first, second))
    return otdd(pair.components[a], pair.labels[a], pair.components[b], pair.labels[b])


def _needs(pair: Pair) -> str:
    if pair.labels is None:
        return "it compares labelled sets, and one of the two has no labels"
    for name, rows in (("A", pair.a), ("B", pair.b)):
        kept = _rows_by_class(pair, rows, PER_CLASS)
        classes = len(np.unique(pair.labels[kept]))
        if classes < 2 or len(kept) < 0.8 * len(rows):
            return (
                f"a Gaussian of a class takes {PER_CLASS} samples of it: {len(kept)} of {len(rows)} samples of {name} "
                f"are in such classes ({classes} of them); at least four fifths, in two classes, are needed"
            )
    return ""


OTDD = Measure(
    name="otdd",
    title="optimal-transport dataset distance",
    how="exact optimal transport between the labelled sets, where moving a sample costs the squared distance of its "
    f"features and that of its class's Gaussian (Alvarez-Melis and Fusi 2020); the root of the mean; of at most {MOST} "
    "samples of each",
    between=_between,
    needs=_needs,
    least=0.0,
    most=MOST,
)
