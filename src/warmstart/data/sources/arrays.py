"""Images in memory, with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from warmstart.data.schema import ClassTarget, Dataset, Sample
from warmstart.data.sources.names import natural
from warmstart.errors import DataError


def load_arrays(images: Any, labels: Sequence[Any]) -> Dataset:
    """A data set of images in memory.

    Args:
        images: array (n, H, W) or (n, H, W, C), or a sequence of PIL images, arrays or paths.
        labels: one per image; texts or whole numbers.

    Raises:
        DataError: lengths differ, a label is missing, or there is only one class.

    >>> load_arrays(np.zeros((4, 8, 8), np.uint8), ["a", "b", "a", "b"]).counts
    {'a': 2, 'b': 2}
    """
    if len(images) != len(labels):
        raise DataError(f"{len(images)} images and {len(labels)} labels", expected="one label for each image")
    names = [_name(label, row) for row, label in enumerate(labels)]
    classes = tuple(sorted(set(names), key=natural))
    if len(classes) < 2:
        raise DataError(f"{len(classes)} class(es) in {len(names)} labels", expected="two or more classes")
    samples = tuple(
        Sample(f"row-{row}", as_source(image), name)
        for row, (image, name) in enumerate(zip(images, names, strict=True))
    )
    return Dataset(samples, ClassTarget(classes), "arrays")


def as_source(image: Any) -> Any:
    """What a sample may hold: a path, a PIL image, bytes or an array. Raises `DataError` for anything else."""
    if isinstance(image, str):
        return Path(image)
    if isinstance(image, Path | Image.Image | bytes | np.ndarray):
        return image
    if hasattr(image, "__array__"):
        return np.asarray(image)
    raise DataError(f"an image of type {type(image).__name__}", expected="a path, a PIL image, bytes or an array")


def _name(label: Any, row: int) -> str:
    if label is None or (isinstance(label, float) and np.isnan(label)):
        raise DataError(f"the label of row {row} is missing", expected="a label for each image")
    if isinstance(label, float | np.floating):
        if not float(label).is_integer():
            raise DataError(
                f"the label of row {row} is {label}", expected="a class: a text or a whole number", do="give classes"
            )
        label = int(label)
    return str(label)
