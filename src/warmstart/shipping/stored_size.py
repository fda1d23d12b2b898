"""How good masks are at the size of each image as it is stored, rather than at the size that a network sees.

A network sees images resized: thin things vanish from its masks, and from the truth that is resized with them. What
`predict` gives is as large as the image, and so is the truth that a user has; here the two are compared. One image is
looked at after the other, and counted in strips of rows: memory is bounded by the largest of them. To count 10,000 x
10,000 pixels of 5 classes took 470 MB beside both masks (100 MB each), and 30 s of one core of an EPYC.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from warmstart.data.annotations import IGNORED, Mask
from warmstart.data.masks import class_indices
from warmstart.data.schema import IntArray, Sample
from warmstart.errors import WarmstartError
from warmstart.preprocess.cutting import Tile
from warmstart.shipping.scenes import Marker
from warmstart.task.maskcounts import counted_in_strips


@dataclasses.dataclass(frozen=True)
class AtStoredSize:
    """What is kept of the masks of some images, in the form in which the task of masks measures."""

    outputs: Tensor
    """Counts of each image (m, 6 C + 1), float64, at its own size; without a loss, which is 0."""
    targets: Tensor
    """(m, 1, 1): `IGNORED` where no pixel of an image is known."""
    index: IntArray
    """Position of each row among the samples, (m,)."""
    errors: dict[int, str]
    """Why an image or its mask could not be read, by its position."""


def at_stored_size(
    marker: Marker, samples: Sequence[Sample], *, progress: Callable[[int], None] | None = None
) -> AtStoredSize:
    """Ask for the masks of the samples that have one, and compare each with the mask as it is stored.

    `progress` is called with the number of images done. Images that were cut into tiles are to be given whole; see
    `whole_images`.
    """
    labelled = [i for i, sample in enumerate(samples) if isinstance(sample.label, Mask)]
    classes, rows, errors = marker.target.classes, dict[int, Tensor](), dict[int, str]()
    answers = marker.rows([samples[i] for i in labelled], progress=progress)
    for i, (answer, error) in zip(labelled, answers, strict=True):
        sample = samples[i]
        assert isinstance(sample.label, Mask), "chosen so"
        try:
            if error is not None:
                raise error
            width, height = answer["size"]
            true = class_indices(sample.label, classes, sample.source, (width, height))
            rows[i] = counted_in_strips(answer["mask"], true, len(classes))
        except WarmstartError as problem:
            errors[i] = problem.found
    counts = torch.stack(list(rows.values())) if rows else torch.zeros(0, 6 * len(classes), dtype=torch.float64)
    known = counts.reshape(len(counts), 6, len(classes))[:, [0, 2]].sum((1, 2)) > 0
    targets = torch.where(known, 0, IGNORED).to(torch.uint8)[:, None, None]
    outputs = torch.cat([counts, counts.new_zeros(len(counts), 1)], 1)
    return AtStoredSize(outputs, targets, np.array(list(rows), dtype=np.int64), errors)


def whole_images(samples: Sequence[Sample]) -> list[Sample]:
    """The samples with tiles put together again: each image once, with all of its mask."""
    found: dict[str | Path, Sample] = {}
    for sample in samples:
        if not isinstance(sample.source, Tile) or not isinstance(sample.label, Mask):
            found[sample.id] = sample
            continue
        label = dataclasses.replace(sample.label, window=None)
        whole = dataclasses.replace(sample, id=sample.id.rpartition("[")[0], source=sample.source.source, label=label)
        found.setdefault(sample.source.source, whole)
    return list(found.values())
