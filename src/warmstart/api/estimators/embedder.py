"""Features of a pretrained backbone as a transformer of scikit-learn."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from warmstart.api.estimators.inputs import Given, ReadsAnything, backbone_for, checked, read_alone
from warmstart.api.inputs.prepare import activation_store
from warmstart.cache.features import activations
from warmstart.cache.wanted import Wanted
from warmstart.model.backbone import Backbone
from warmstart.planning.compile import DEFAULT


class Embedder(TransformerMixin, ReadsAnything):  # type: ignore[misc]
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
        self._backbone = self._loaded(x, self.backbone)
        self.uri_ = self.backbone or str(self._backbone.card.name)
        fitted, _ = read_alone(x[:1], self._backbone, self.size, self.cache)
        self._n_features_out = fitted.out_features
        return self

    def transform(self, X: Given) -> npt.NDArray[np.float32]:  # noqa: N803
        """Features (n, d)."""
        check_is_fitted(self)
        x = checked(self, X, reset=False)
        own = getattr(self, "_backbone", None)  # a pickle goes without it
        backbone, store = read_alone(x, own or self._loaded(x, self.uri_), self.size, self.cache)
        wanted = Wanted(backbone.chain, store, activation_store(self.cache, DEFAULT), store.spec)
        return activations(wanted, -1, range(len(x))).numpy()

    def _loaded(self, x: Given, uri: str | None) -> Backbone:
        return backbone_for(x, uri, self.size, self.seed, accept_licence=self.accept_licence)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_backbone"}

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
