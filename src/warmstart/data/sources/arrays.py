"""Images in memory, with their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from warmstart.data.schema import Dataset, Sample
from warmstart.data.sources.answers import Answers, read_answers, target_of
from warmstart.data.sources.labels import LabelCells, Places, as_text
from warmstart.data.sources.tasks import NONE, Kinds
from warmstart.data.sources.times import as_times
from warmstart.data.targets import TaskName
from warmstart.errors import DataError


def load_arrays(
    images: Any,
    labels: Any,
    *,
    group: Sequence[Any] | None = None,
    time: Sequence[Any] | None = None,
    task: TaskName | None = None,
    kinds: Kinds = NONE,
) -> Dataset:
    """A data set of images in memory. Ids are `row-0`, `row-1`, ...

    Args:
        images: array (n, H, W) or (n, H, W, C), or a sequence of PIL images, arrays or paths. Values are read as
            `warmstart.preprocess.modes` says, or for a backbone of bands as `warmstart.preprocess.bands` does.
        labels: one for each image, in a sequence or an array (n,): texts or whole numbers, or lists of them; or
            numbers. For a `task` of several labels or numbers also an array (n, k) of 0 and 1, or of numbers. For
            several tasks a dict, or a DataFrame, with the labels of each by its name, `None` where there is none.
        group: for each image what must stay in one part (a patient, a site), or None.
        time: for each image when it was taken: numbers, or dates.
        task: that the labels pose; found by what they are (`warmstart.data.sources.answers`) if not given.
        kinds: of several tasks, what each poses.

    Raises:
        DataError: lengths differ, a shape is no image's, a label is missing, a time is none, or there are fewer than
            two classes.

    >>> load_arrays(np.zeros((4, 8, 8), np.uint8), ["a", "b", "a", "b"]).counts
    {'a': 2, 'b': 2}
    """
    notes: list[str] = []
    samples, answers = in_memory(as_sources(images), labels, group, time, notes, task=task, kinds=kinds)
    target = target_of(answers, [s.label for s in samples], notes)
    return Dataset(samples, target, "arrays", notes=tuple(notes))


def in_memory(
    sources: Sequence[Any],
    labels: Any,
    group: Sequence[Any] | None,
    time: Sequence[Any] | None,
    notes: list[str],
    noun: str = "image",
    *,
    task: TaskName | None = None,
    words: Sequence[Sequence[str]] | None = None,
    kinds: Kinds = NONE,
) -> tuple[tuple[Sample, ...], Answers]:
    """A sample for each source, with what stands at its place, and the answers that its labels are from.

    Arguments and errors as for `load_arrays`; `words` are those of the texts, where words are labelled.
    """
    cells = label_cells(labels, task, noun, words)
    n = len(cells.places)
    groups = [None] * n if group is None else [as_text(g) or None for g in group]
    moments = None if time is None else [as_text(at) for at in time]
    if not len(sources) == n == len(groups) == (n if moments is None else len(moments)):
        of_groups = "" if group is None else f", {len(groups)} groups"
        of_times = "" if moments is None else f", {len(moments)} times"
        raise DataError(
            f"{len(sources)} {noun}s, {n} labels{of_groups}{of_times}",
            expected=f"as many labels as {noun}s, in their order",
        )
    times = [None] * n if moments is None else as_times(moments, notes)
    answers = read_answers(cells, task, notes, kinds)
    if None in answers.labels:
        place = cells.places[answers.labels.index(None)]
        raise DataError(f"the label at {place} is missing", expected=f"a label for each {noun}")
    samples = tuple(
        Sample(f"row-{row}", source, label, of, time=at)
        for row, (source, label, of, at) in enumerate(zip(sources, answers.labels, groups, times, strict=True))
    )
    return samples, answers


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


def label_cells(
    labels: Any, task: TaskName | None, noun: str, words: Sequence[Sequence[str]] | None = None
) -> LabelCells:
    """The labels of a sequence or an array, a cell for each `noun`. Raises `DataError` for another shape."""
    if hasattr(labels, "toarray"):  # a sparse matrix of scipy
        labels = labels.toarray()
    if isinstance(labels, Mapping) or (hasattr(labels, "columns") and task not in ("multilabel", "regress")):
        return _of_each_task(labels, noun)
    shape = tuple(getattr(labels, "shape", (0,)))
    if len(shape) == 2 and task in ("multilabel", "regress"):
        names = [str(name) for name in getattr(labels, "columns", range(shape[1]))]
        columns = np.asarray(labels).T.tolist()
        return LabelCells(columns, tuple(names), Places("position", range(shape[0])))
    if len(shape) != 1 and not (len(shape) == 2 and task == "tag"):
        several = "; task='multilabel' for 0 and 1, task='regress' for numbers" if len(shape) == 2 else ""
        raise DataError(f"labels of shape {shape}{several}", expected=f"one label for each {noun}: shape (n,)")
    values = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    return LabelCells([values], ("label",), Places("position", range(len(values))), words)


def _of_each_task(labels: Any, noun: str) -> LabelCells:
    """The labels of several tasks by their names."""
    columns = {str(name): list(labels[name]) for name in labels}
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        raise DataError(
            f"labels of the tasks {', '.join(columns) or '(none)'}, {sorted(lengths)} of them",
            expected=f"as many for each task, `None` where a {noun} has none",
        )
    return LabelCells([*columns.values()], tuple(columns), Places("position", range(lengths.pop())))
