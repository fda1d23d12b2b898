"""Features of two sets, side by side, with what several measures need of them computed once."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import numpy as np
from sklearn.decomposition import PCA

from warmstart.data.schema import IntArray
from warmstart.select.similarity.kernel import Floats, Singles, polynomial_kernel, rbf_kernel

MOST_COMPONENTS = 64
PER_COMPONENT = 5
"""Samples of the smaller set per principal component: covariances of k dimensions have k (k + 1) / 2 numbers."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """Features (n, d) of both sets, A's rows before B's; `first` of them are A's.

    `labels` (n,) are class indices within each set, -1 where unknown; `None` where a set has none.
    """

    features: Singles
    first: int
    labels: IntArray | None = None
    seed: int = 0
    held_out: dict[bytes, tuple[Floats, Floats]] = dataclasses.field(default_factory=dict, repr=False, compare=False)
    """Scores of the classifier between some rows and other rows, by these: two measures are of them."""

    @property
    def a(self) -> IntArray:
        """Rows of A."""
        return np.arange(self.first)

    @property
    def b(self) -> IntArray:
        """Rows of B."""
        return np.arange(self.first, len(self.features))

    @property
    def smaller(self) -> int:
        """Samples of the smaller set."""
        return min(self.first, len(self.features) - self.first)

    @property
    def varies(self) -> bool:
        """Whether the features are not the same for all."""
        return bool((self.features != self.features[0]).any())

    @cached_property
    def components(self) -> Floats:
        """Principal components (n, k) of both sets together, so that neither is favoured; not scaled to unit variance.

        k is at most 64, the number of features, and a fifth of the samples of the smaller set.
        """
        k = min(MOST_COMPONENTS, self.features.shape[1], max(2, self.smaller // PER_COMPONENT))
        found: Floats = PCA(k, random_state=self.seed).fit_transform(self.features).astype(np.float64)
        return found

    @property
    def explained(self) -> float:
        """Share of the variance of the features that the components hold."""
        return float(self.components.var(0).sum() / self.features.var(0, dtype=np.float64).sum())

    @cached_property
    def products(self) -> Singles:
        """Inner products (n, n) of the features."""
        found: Singles = self.features @ self.features.T
        return found

    @cached_property
    def polynomial(self) -> Singles:
        """The kernel of KID."""
        return polynomial_kernel(self.products, self.features.shape[1])

    @cached_property
    def rbf(self) -> Singles:
        """The kernel of MMD."""
        return rbf_kernel(self.products)
