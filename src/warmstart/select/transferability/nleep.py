"""NLEEP: LEEP for a backbone without a source head, with the clusters of its features in place of source classes."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from warmstart.select.transferability.components import components
from warmstart.select.transferability.inputs import Floats, checked
from warmstart.select.transferability.leep import expected_prediction

ENERGY = 0.8
"""Share of the variance that the principal components keep, as in the paper."""
PER_CLASS = 5
"""Gaussians per target class, as in the paper."""
_FEWEST = 4
"""Samples per Gaussian on average, below which there are fewer Gaussians: one for each sample would predict all."""


def nleep(features: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """LEEP of the posteriors of a Gaussian mixture fitted to the features, at most 0; higher is better.

    Principal components that keep 80 % of the variance (64 at most), a mixture of 5 Gaussians per class (at least one,
    and at most one for 4 samples), and `leep` with the posterior P(v | x) for the source head's probabilities.
    Li et al., CVPR 2021, "Ranking Neural Checkpoints".

    Args:
        features: (n, d), finite.
        labels: (n,), whole numbers.

    Raises:
        DataError: see `checked`.

    >>> rng = np.random.default_rng(0)
    >>> labels = np.repeat([0, 1], 30)
    >>> bool(nleep(rng.normal(size=(60, 4)) + 9 * labels[:, None], labels) > -0.01)
    True
    """
    array, numbered = checked(features, labels)
    return expected_prediction(posteriors(array, components(array), int(numbered.max()) + 1), numbered)


def posteriors(features: Floats, scores: Floats, classes: int) -> Floats:
    """Probabilities (n, Gaussians) by a mixture fitted to the scores of `components(features)`, without labels."""
    n = len(features)
    kept = np.cumsum(scores.var(0)) / features.var(0).sum()
    scores = scores[:, : int((kept < ENERGY).sum()) + 1]
    scores = scores / scores.std()  # the mixture's least variance is absolute
    gaussians = max(classes, min(PER_CLASS * classes, n // _FEWEST))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct samples than Gaussians is no error here
        mixture = GaussianMixture(gaussians, random_state=0).fit(scores)
    found: Floats = mixture.predict_proba(scores)
    return found
