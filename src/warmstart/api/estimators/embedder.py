"""Features of a pretrained backbone as a transformer of scikit-learn."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from warmstart.api.estimators.inputs import Given, backbone_for, checked, read_alone
from warmstart.api.inputs.prepare import activation_store
from warmstart.cache.features import Wanted, activations
from warmstart.planning.compile import DEFAULT


class Embedder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Frozen features of images, texts or series, which any estimator of scikit-learn learns from.

    What was computed once is stored under the contents of sample and weights, so that the folds of a cross-validation
    and the points of a grid compute each sample once between them.

    Args:
        backbone: URI; by default `lite0` for images, `minilm` for texts and `series` for series.
        size: input side in pixels, tokens or steps; by default the backbone's own.
        seed: of weights that are drawn, where they are not pretrained.
        accept_licence: as for `warmstart.fit`.
        cache: folder for features; by default the user's cache folder.

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> digits = load_digits(n_class=2)
    >>> images = (digits.images * 15.9).astype(np.uint8)
    >>> model = make_pipeline(Embedder("toy"), LogisticRegression()).fit(images[:80], digits.target[:80])
    >>> bool(model.score(images[80:120], digits.target[80:120]) > 0.9)
    True
    """

    def __init__(
        self,
        backbone: str | None = None,
        *,
        size: int | None = None,
        seed: int = 0,
        accept_licence: bool = False,
        cache: str | None = None,
    ) -> None:
        self.backbone = backbone
        self.size = size
        self.seed = seed
        self.accept_licence = accept_licence
        self.cache = cache

    def fit(self, X: Given, y: Any = None) -> Self:  # noqa: N803
        """Learn which backbone it is; nothing is trained.

        Raises:
            DataError, BackboneError, LicenceError: what was found, what was expected, what to do.
        """
        x = checked(self, X, reset=True)
        backbone = backbone_for(x, self.backbone, self.size, self.seed, accept_licence=self.accept_licence)
        self.uri_ = self.backbone or str(backbone.card.name)
        fitted, _ = read_alone(x[:1], backbone, self.size, self.cache)
        self._n_features_out = fitted.out_features
        return self

    def transform(self, X: Given) -> npt.NDArray[np.float32]:  # noqa: N803
        """Features (n, d)."""
        check_is_fitted(self)
        x = checked(self, X, reset=False)
        own = backbone_for(x, self.uri_, self.size, self.seed, accept_licence=self.accept_licence)
        backbone, store = read_alone(x, own, self.size, self.cache)
        wanted = Wanted(backbone.chain, store, activation_store(self.cache, DEFAULT), store.spec)
        return activations(wanted, -1, range(len(x))).numpy()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
