"""The samples behind the cells of a confusion matrix, so that a number can be looked into."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from warmstart.evaluation.metrics import Labels
from warmstart.evaluation.outcome import CellSamples, Example

WRONG, RIGHT = 8, 3
"""Samples of a cell beside the diagonal, and of one on it."""
LISTED = 1000


def cell_samples(outputs: Tensor, labels: Labels, ids: Sequence[str]) -> tuple[CellSamples, ...]:
    """Samples of each cell that is not empty, of logits (n, classes) and labels (n,); without thumbnails.

    Mistakes come first, the most frequent ones before the others, each with its 8 surest samples; then the diagonal,
    with the 3 answers of each class that were right and least sure. A thousand samples are listed at most, with as many
    cells as that allows. Samples with the unknown label -1 are left out.

    >>> import torch
    >>> cells = cell_samples(torch.eye(2) * 3, np.array([0, 0]), ("a.png", "b.png"))
    >>> [(cell.row, cell.column, cell.samples[0].id) for cell in cells]
    [(0, 1, 'b.png'), (0, 0, 'a.png')]
    """
    array = np.asarray(labels, dtype=np.int64)
    top = outputs.double().softmax(1).max(1)
    probability, predicted = top.values.numpy(), top.indices.numpy()
    known = np.flatnonzero(array >= 0)
    members: dict[tuple[int, int], list[int]] = {}
    for i in known[np.argsort(-probability[known], kind="stable")].tolist():
        members.setdefault((int(array[i]), int(predicted[i])), []).append(i)
    order = sorted(members, key=lambda cell: (cell[0] == cell[1], -len(members[cell]), cell))
    cells: list[CellSamples] = []
    left = LISTED
    for row, column in order:
        inside = members[row, column]
        shown = inside[:WRONG] if row != column else inside[::-1][:RIGHT]
        if len(shown) > left:
            break
        left -= len(shown)
        examples = tuple(Example(ids[i], float(probability[i])) for i in shown)
        cells.append(CellSamples(row, column, len(inside), examples))
    return tuple(cells)
