"""Images in memory, with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from warmstart.data.schema import ClassTarget, Dataset, Sample
from warmstart.data.sources.labels import as_text, class_names
from warmstart.data.sources.times import as_times
from warmstart.errors import DataError


def load_arrays(
    images: Any, labels: Any, *, group: Sequence[Any] | None = None, time: Sequence[Any] | None = None
) -> Dataset:
    """A data set of images in memory. Ids are `row-0`, `row-1`, ...

    Args:
        images: array (n, H, W) or (n, H, W, C), or a sequence of PIL images, arrays or paths. Values are read as
            `warmstart.preprocess.modes` says, or for a backbone of bands as `warmstart.preprocess.bands` does.
        labels: one for each image: texts or whole numbers, in a sequence or an array (n,).
        group: for each image what must stay in one part (a patient, a site), or None.
        time: for each image when it was taken: numbers, or dates.

    Raises:
        DataError: lengths differ, a shape is no image's, a label is missing, a time is none, or there are fewer than
            two classes.

    >>> load_arrays(np.zeros((4, 8, 8), np.uint8), ["a", "b", "a", "b"]).counts
    {'a': 2, 'b': 2}
    """
    notes: list[str] = []
    samples = in_memory(as_sources(images), labels, group, time, notes)
    classes = class_names([str(s.label) for s in samples], notes)
    return Dataset(samples, ClassTarget(classes), "arrays", notes=tuple(notes))


def in_memory(
    sources: Sequence[Any],
    labels: Any,
    group: Sequence[Any] | None,
    time: Sequence[Any] | None,
    notes: list[str],
    noun: str = "image",
) -> tuple[Sample, ...]:
    """A sample for each source, with what stands at its place. Arguments and errors as for `load_arrays`."""
    names = _names(labels, noun)
    groups = [None] * len(names) if group is None else [as_text(g) or None for g in group]
    cells = None if time is None else [as_text(at) for at in time]
    if not len(sources) == len(names) == len(groups) == len(names if cells is None else cells):
        of_groups = "" if group is None else f", {len(groups)} groups"
        of_times = "" if cells is None else f", {len(cells)} times"
        raise DataError(
            f"{len(sources)} {noun}s, {len(names)} labels{of_groups}{of_times}",
            expected=f"as many labels as {noun}s, in their order",
        )
    times = [None] * len(names) if cells is None else as_times(cells, notes)
    return tuple(
        Sample(f"row-{row}", source, name, of, time=at)
        for row, (source, name, of, at) in enumerate(zip(sources, names, groups, times, strict=True))
    )


def as_sources(images: Any) -> list[Any]:
    """Each image of an array or a sequence, as a sample may hold it.

    Raises:
        DataError: an array that is no stack of images, or a thing that is no image.
    """
    if isinstance(images, np.ndarray) and images.dtype != object:
        first = images.ndim == 4 and images.shape[1] < min(images.shape[2:])
        if images.ndim not in (3, 4) or first:
            raise DataError(
                f"images of shape {images.shape}",
                expected="(n, H, W) or (n, H, W, C), with the C channels in the last place",
                do="images.transpose(0, 2, 3, 1) puts the channels last" if first else "",
            )
    return [as_source(image) for image in images]


def as_source(image: Any) -> Any:
    """What a sample may hold: a path, a PIL image, bytes of a file, or an array. Raises `DataError` for all else."""
    if isinstance(image, str):
        return Path(image)
    if isinstance(image, (Path, Image.Image, bytes, np.ndarray)):
        return image
    raise DataError(
        f"an image of type {type(image).__name__}", expected="a path, a PIL image, bytes of a file, or a numpy array"
    )


def _names(labels: Any, noun: str) -> list[str]:
    if getattr(labels, "ndim", 1) != 1:
        raise DataError(f"labels of shape {tuple(labels.shape)}", expected=f"one label for each {noun}: shape (n,)")
    values = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    names = [as_text(value) for value in values]
    if "" in names:
        raise DataError(f"the label at position {names.index('')} is missing", expected=f"a label for each {noun}")
    return names
