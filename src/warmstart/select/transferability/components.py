"""The principal components that GBC and NLEEP are defined on."""

from __future__ import annotations

from sklearn.decomposition import PCA

from warmstart.select.transferability.inputs import Floats

COMPONENTS = 64
"""As many as GBC's paper keeps; beyond them, NLEEP's Gaussians of a few dozen samples each would say nothing."""


def components(features: Floats) -> Floats:
    """Scores (n, k) of the first k = min(64, d, n - 1) principal components of features (n, d), largest first.

    Of large matrices by randomised SVD from a fixed seed (Halko, Martinsson & Tropp 2011).

    >>> import numpy as np
    >>> components(np.array([[0.0, 1.0], [2.0, 1.0]])).shape
    (2, 1)
    """
    n, d = features.shape
    scores: Floats = PCA(min(COMPONENTS, d, n - 1), random_state=0).fit_transform(features)
    return scores
