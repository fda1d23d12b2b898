"""Features of many dimensions drawn in two: a picture of which samples the network holds to be alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

POINTS = 600
"""t-SNE of so many takes 1.3 s on one core; of a thousand, with twice the iterations, 4.7 s."""
PERPLEXITY, ITERATIONS, COMPONENTS = 30.0, 500, 50
FEW = 10
METHOD = "t-SNE (perplexity {perplexity:.0f}, seed {seed}) of the first {components} principal components"


def project(features: npt.ArrayLike, *, seed: int = 0) -> tuple[npt.NDArray[np.float64], str]:
    """Places (n, 2) of features (n, d) within -1 and 1, and the method in words.

    t-SNE (van der Maaten and Hinton 2008) started from the first two principal components, so that it keeps what it can
    of the whole arrangement (Kobak and Berens 2019); on one thread, so that the same seed gives the same picture.
    Raises `ValueError` for fewer than ten samples, which have no arrangement to speak of.

    >>> project(np.repeat(np.eye(3), 5, 0))[0].shape
    (15, 2)
    """
    array = np.asarray(features, dtype=np.float64)
    if array.ndim != 2 or len(array) < FEW:
        raise ValueError(f"a projection needs features of shape (n, d) with n of at least {FEW}, not {array.shape}")
    components = min(COMPONENTS, len(array) - 1, array.shape[1])
    perplexity = min(PERPLEXITY, (len(array) - 1) / 3)
    with threadpool_limits(limits=1), np.errstate(invalid="ignore"):  # features that are all the same vary by 0 of 0
        reduced = PCA(components, svd_solver="full").fit_transform(array)
        spread = np.abs(reduced[:, :2]).max() or 1.0
        start = np.zeros((len(array), 2))
        start[:, : min(2, components)] = 1e-2 * reduced[:, :2] / spread
        tsne = TSNE(init=start, perplexity=perplexity, max_iter=ITERATIONS, random_state=seed)
        places = PCA(2).fit_transform(tsne.fit_transform(reduced).astype(np.float64))  # the longest side lies flat
    places -= (places.max(0) + places.min(0)) / 2
    places /= np.abs(places).max() or 1.0
    return places, METHOD.format(perplexity=perplexity, seed=seed, components=components)
