"""What a classifier gets right and wrong, per class and per sample. Samples with the unknown label -1 are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.evaluation.outcome import Mistake

Labels = IntArray | Tensor
BoolArray = npt.NDArray[np.bool_]


def known_labels(outputs: Tensor, labels: Labels) -> tuple[Tensor, IntArray]:
    """Outputs (m, classes) and labels (m,) of the samples whose label is known."""
    array = np.asarray(labels, dtype=np.int64)
    if len(array) != len(outputs):
        raise ValueError(f"{len(outputs)} outputs for {len(array)} labels")
    keep = array >= 0
    return outputs[keep.nonzero()[0]], array[keep]


def correct(outputs: Tensor, labels: Labels) -> BoolArray:
    """Whether each sample with a known label is right; shape (m,)."""
    outputs, known = known_labels(outputs, labels)
    right: BoolArray = outputs.argmax(1).numpy() == known
    return right


def confusion(outputs: Tensor, labels: Labels) -> IntArray:
    """Counts (classes, classes); rows are the true class, columns the predicted one.

    >>> import torch
    >>> confusion(torch.eye(2), np.array([0, 0])).tolist()
    [[1, 1], [0, 0]]
    """
    outputs, known = known_labels(outputs, labels)
    classes = outputs.shape[1]
    cells = known * classes + outputs.argmax(1).numpy()
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def per_class(counts: IntArray, classes: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """Precision, recall, F1 and number of samples of each class; `None` where there is nothing to divide by.

    A class that never occurs has no recall, one that is never predicted no precision: 0 would be a wrong claim.

    >>> per_class(np.array([[3, 1], [0, 0]]), ("ant", "bee"))[0]
    {'name': 'ant', 'precision': 1.0, 'recall': 0.75, 'f1': 0.8571428571428571, 'count': 4}
    """
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(classes):
        hits, true, said = int(counts[i, i]), int(counts[i].sum()), int(counts[:, i].sum())
        rows.append(
            {
                "name": name,
                "precision": hits / said if said else None,
                "recall": hits / true if true else None,
                "f1": 2 * hits / (true + said) if true and said else (0.0 if true else None),
                "count": true,
            }
        )
    return tuple(rows)


def most_wrong(
    outputs: Tensor, labels: Labels, ids: Sequence[str], classes: Sequence[str], *, n: int = 24
) -> tuple[Mistake, ...]:
    """The `n` wrongly answered samples of the largest log loss, the worst first; without thumbnails.

    A right answer that is merely unsure is none of them, however large its loss.
    """
    array, logs = np.asarray(labels, dtype=np.int64), outputs.double().log_softmax(1)
    predicted = logs.argmax(1).numpy()
    wrong = np.flatnonzero((predicted != array) & (array >= 0))
    loss = -logs[wrong, array[wrong]].numpy()
    probability = logs[wrong, predicted[wrong]].exp().numpy()
    return tuple(
        Mistake(
            ids[i],
            classes[array[i]],
            classes[predicted[i]],
            float(probability[k]),
            true_probability=float(np.exp(-loss[k])),
            loss=float(loss[k]),
        )
        for k, i in ((k, wrong[k]) for k in np.argsort(-loss, kind="stable")[:n])
    )
