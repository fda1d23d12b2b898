"""One picture with some images in which something is marked, with what is marked in them."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from warmstart.data.annotations import Boxes
from warmstart.data.drawing import (
    BACKGROUND,
    colours,
    font,
    paint_boxes,
    scaled,
    shortened,
    tinted,
    with_legend,
    with_shapes,
)
from warmstart.data.examples import MOST_CLASSES, spread
from warmstart.data.masks import class_indices
from warmstart.data.outlined import shapes_of
from warmstart.data.scenes import mask_of
from warmstart.data.schema import Dataset, Sample
from warmstart.data.shown import crossed, picture_of
from warmstart.errors import WarmstartError

_MARGIN, _GAP, _TITLE, _TEXT = 20, 10, 15, 12
_INK, _FAINT, _PAPER = "#1f2328", "#656d76", "#ffffff"
_CROWDED = 15
"""Boxes in a tile beyond which their colours alone tell the class."""


def scene_sheet(dataset: Dataset, images: int = 12, size: int = 320) -> Image.Image:
    """Some images with their boxes or masks, such that each class is among them, and a legend.

    >>> import numpy as np
    >>> from warmstart.data.annotations import Boxes
    >>> from warmstart.data.scenes import BoxTarget
    >>> label = Boxes(("cat",), np.array([[2.0, 2.0, 6.0, 6.0]]))
    >>> one = Sample("a", np.zeros((8, 8, 3), np.uint8), label)
    >>> scene_sheet(Dataset((one,), BoxTarget(("cat",)))).mode
    'RGB'
    """
    classes = dataset.target.classes
    chosen = some_of_each(dataset, images)
    columns = max(1, min(4, len(chosen)))
    rows = -(-len(chosen) // columns)
    below = _GAP + _TEXT + 6
    width = 2 * _MARGIN + columns * (size + _GAP) - _GAP
    sheet = Image.new("RGB", (width, _MARGIN + rows * (size + below)), _PAPER)
    draw, text = ImageDraw.Draw(sheet), font(_TEXT)
    for i, sample in enumerate(chosen):
        left, top = _MARGIN + i % columns * (size + _GAP), _MARGIN + i // columns * (size + below)
        tile, said = _tile(sample, classes, size)
        sheet.paste(tile, (left + (size - tile.width) // 2, top + (size - tile.height) // 2))
        name = sample.id if text.getlength(sample.id) < size - 90 else f"…{sample.id[-(size - 100) // 8 :]}"
        draw.text((left, top + size + 4), name, _INK, text, anchor="la")
        draw.text((left + size, top + size + 4), said, _FAINT, text, anchor="ra")
    named = [(name, tone) for name, tone in zip(classes, colours(len(classes)), strict=True) if name != BACKGROUND]
    more = len(named) - MOST_CLASSES
    shown = with_legend(sheet, named[:MOST_CLASSES], _TITLE)
    if more > 0:
        ImageDraw.Draw(shown).text(
            (shown.width - _MARGIN, shown.height - 4), f"and {more} more classes", _FAINT, text, anchor="rs"
        )
    return shown


def some_of_each(dataset: Dataset, n: int) -> list[Sample]:
    """At most `n` samples: one of each class in turn, the rarest class first, then others, evenly spread."""
    members: dict[str, list[Sample]] = {name: [] for name in dataset.target.classes}
    for sample in dataset.samples:
        for name in sample.names:
            members[name].append(sample)
    chosen: dict[str, Sample] = {}
    for samples in sorted(members.values(), key=len):
        new = [sample for sample in samples if sample.id not in chosen]
        if len(samples) == len(new) and new and len(chosen) < n:
            fullest = new[len(new) // 2]
            chosen[fullest.id] = fullest
    left = [sample for sample in dataset.samples if sample.id not in chosen]
    for sample in spread(left, n - len(chosen)):
        chosen[sample.id] = sample
    return [sample for sample in dataset.samples if sample.id in chosen]


def _tile(sample: Sample, classes: Sequence[str], size: int) -> tuple[Image.Image, str]:
    """A picture that fits a square, with what is marked in it; and in words how much that is."""
    try:
        image = picture_of(sample.source)
        whole = image.size
        scale = size / max(whole)
        fitted = image.resize(
            (max(1, round(whole[0] * scale)), max(1, round(whole[1] * scale))),
            Image.Resampling.NEAREST if scale >= 2 else Image.Resampling.LANCZOS,
        )
        if isinstance(sample.label, Boxes):
            label = sample.label
            ratio = (fitted.width / whole[0], fitted.height / whole[1])
            boxes = [(n, scaled(b, ratio), None) for n, b in zip(label.names, label.xyxy.tolist(), strict=True)]
            fitted = with_shapes(fitted, shapes_of(label, whole), classes)
            paint_boxes(fitted, boxes, classes, named=len(boxes) <= _CROWDED)
            return fitted, f"{len(boxes)} object{'' if len(boxes) == 1 else 's'}"
        mask = class_indices(mask_of(sample.label), classes, sample.source, whole)
        return tinted(fitted, mask, classes), ""
    except WarmstartError as error:
        return crossed(size), shortened(error.found.rpartition(": ")[2])
