"""Pictures of what a finished model finds in images that it has not learned from, beside what is true of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image

from warmstart.data.annotations import Boxes, Mask
from warmstart.data.drawing import draw_boxes, draw_mask
from warmstart.data.masks import class_indices
from warmstart.data.outlined import shapes_of
from warmstart.data.schema import Sample
from warmstart.evaluation.outcome import Marked
from warmstart.report.images import data_uri
from warmstart.shipping.scenefiles import drawn_answer, picture_of
from warmstart.shipping.scenes import Marker, in_short

SIDE = 480
"""Pixels of the longer side of a picture in a report."""


def pictured(shown: Sequence[Marked], samples: Sequence[Sample], marker: Marker) -> tuple[Marked, ...]:
    """What is shown, with what `marker` finds in each image, and with both drawn on it."""
    by_id = {sample.id: sample for sample in samples}
    chosen, found = [by_id[one.id] for one in shown], []
    for one, sample, (row, error) in zip(shown, chosen, marker.rows(chosen), strict=True):
        if error is not None:
            found.append(dataclasses.replace(one, said=error.found))
            continue
        image = picture_of(sample.source)
        truth, words = _truth(image, sample, marker.target.classes)
        answer = drawn_answer(image, row, marker.target.classes)
        found.append(
            dataclasses.replace(
                one,
                true=one.true if isinstance(sample.label, Boxes) else words,
                said=in_short(row),
                true_picture=_small(truth),
                said_picture=_small(answer),
            )
        )
    return tuple(found)


def _truth(image: Image.Image, sample: Sample, classes: Sequence[str]) -> tuple[Image.Image, str]:
    """The image with the truth drawn on it, and of a mask the shares in words."""
    label = sample.label
    if isinstance(label, Boxes):
        boxes = [(name, box, None) for name, box in zip(label.names, label.xyxy.tolist(), strict=True)]
        return draw_boxes(image, boxes, classes, shapes_of(label, image.size)), ""
    assert isinstance(label, Mask), "a scene has boxes or a mask"
    mask = class_indices(label, classes, sample.source, image.size)
    counts = np.bincount(mask.ravel(), minlength=256)[: len(classes)]
    shares = {name: int(n) / max(1, int(counts.sum())) for name, n in zip(classes, counts, strict=True)}
    return draw_mask(image, mask, classes), in_short({"shares": shares})


def _small(image: Image.Image) -> str:
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return data_uri(image)
