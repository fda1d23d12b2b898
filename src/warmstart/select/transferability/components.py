"""The principal components that two of the metrics are defined on."""

from __future__ import annotations

from sklearn.decomposition import PCA

from warmstart.select.transferability.inputs import Floats


def components(features: Floats, count: int) -> Floats:
    """Scores (n, k) of the first k = min(count, d, n - 1) principal components of features (n, d), largest first.

    Large ones by randomised SVD from a fixed seed (Halko et al. 2011), which is exact to what any metric can show.

    >>> import numpy as np
    >>> components(np.array([[0.0, 1.0], [2.0, 1.0]]), 64).shape
    (2, 1)
    """
    n, d = features.shape
    scores: Floats = PCA(min(count, d, n - 1), random_state=0).fit_transform(features)
    return scores
