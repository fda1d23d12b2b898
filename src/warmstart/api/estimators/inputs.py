"""What scikit-learn hands over, as the library reads it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import validate_data

from warmstart.api.inputs.kinds import BACKBONES
from warmstart.api.inputs.prepare import backbone_at, readable
from warmstart.api.inputs.reading import fitted, read_inputs
from warmstart.data.schema import Dataset
from warmstart.data.sources import kind_of, load_inputs
from warmstart.data.stores import InputStore
from warmstart.data.targets import ClassTarget
from warmstart.engine.events import silent
from warmstart.errors import DataError
from warmstart.model.backbone import Backbone

Given = Any
"""A list of paths, images, texts or series; an array (n, H, W[, C]) of images, or (n, steps) of series; a column."""


class ReadsAnything(BaseEstimator):  # type: ignore[misc]
    """An estimator of such samples, as scikit-learn is told."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        return tags


def checked(estimator: BaseEstimator, x: Given, *, reset: bool) -> Given:
    """The samples as a list or an array. Tables of numbers (n, steps) are checked as scikit-learn does: a series each.

    Raises:
        ValueError: nothing is there, or a table is not what it was when the estimator was fitted.
        TypeError: no sequence.
    """
    if isinstance(x, pd.Series):
        x = x.tolist()
    if isinstance(x, np.ndarray) and x.ndim == 1 and len(x):  # paths, texts or images, an object each
        x = x.tolist()
    if isinstance(x, list | tuple) and len(x) and not _is_number_row(x[0]):
        return list(x)
    if isinstance(x, np.ndarray) and x.ndim > 2 and x.dtype != object:
        if not len(x):
            raise ValueError(f"Found array with 0 sample(s) (shape={x.shape}) while a minimum of 1 is required.")
        return x
    found: Given = validate_data(estimator, x, reset=reset, dtype="numeric", ensure_all_finite="allow-nan")
    return found


def _is_number_row(item: Any) -> bool:
    """Whether it is a row of a table of numbers, or a number, of which there should have been a row."""
    if isinstance(item, list | tuple):
        return bool(item) and all(isinstance(value, int | float | np.number) for value in item)
    return isinstance(item, int | float | np.number)


def backbone_for(x: Given, uri: str | None, size: int | None, seed: int, *, accept_licence: bool) -> Backbone:
    """The backbone that is named, or that of the kind that the samples look like."""
    return backbone_at(uri or BACKBONES[kind_of((x, None))], size, seed, accept_licence=accept_licence)


def read_alone(x: Given, backbone: Backbone, size: int | None, cache: str | None) -> tuple[Backbone, InputStore]:
    """Samples without labels as the backbone reads them, and the backbone in the form that takes them.

    Raises:
        DataError: one of them cannot be read.
    """
    samples = load_inputs(x if not isinstance(x, tuple) else list(x), kind=backbone.spec.kind)
    dataset = Dataset(samples, ClassTarget(()), "inputs")
    backbone = fitted(backbone, dataset, size)
    store, looks = read_inputs(dataset, backbone, size, silent, cache=cache)
    readable(dataset, looks, 0.0, silent, kind=store.spec.kind)
    if len(dataset) != len(x):
        raise DataError(f"{len(x)} inputs hold {len(dataset)} samples", expected="one sample for each input")
    return backbone, store
