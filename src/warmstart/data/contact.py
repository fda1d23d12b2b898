"""One picture with samples of each class or label, or of low to high numbers, to be looked at before training."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageOps

from warmstart.data.drawing import font, shortened
from warmstart.data.examples import MOST_CLASSES, kinds, spread
from warmstart.data.scenesheet import scene_sheet
from warmstart.data.schema import Dataset, Sample
from warmstart.data.shown import TILE, crossed, picture_of
from warmstart.errors import WarmstartError

_MARGIN, _GAP, _TITLE, _TEXT = 24, 6, 15, 12
_INK, _FAINT, _PAPER = "#1f2328", "#656d76", "#ffffff"


def contact_sheet(dataset: Dataset, per_class: int = 8, size: int = 96) -> Image.Image:
    """A row for each class or label: its name, the number of its samples, and some of them, spread evenly over it.

    Images with numbers are in four rows, from the lowest to the highest; those in which something is marked are shown
    with it (`warmstart.data.scenesheet`).

    An image is shown whole, in a square of `size` pixels; a small one is enlarged so that its pixels show. An
    unreadable one is a crossed square. At most 40 classes are shown, and a line says how many there are more.

    >>> import numpy as np
    >>> from warmstart.data.sources import load
    >>> contact_sheet(load((np.zeros((4, 8, 8), np.uint8), ["a", "a", "b", "b"])), size=32).mode
    'RGB'
    """
    if dataset.target.kind in ("detect", "segment"):
        return scene_sheet(dataset)
    members = kinds(dataset)
    classes, counts = [*members][:MOST_CLASSES], {name: len(samples) for name, samples in members.items()}
    more = len(members) - len(classes)
    title, text = font(_TITLE), font(_TEXT)
    names = [shortened(name) for name in classes]
    below = [f"{counts[name]:,} image{'' if counts[name] == 1 else 's'}" for name in classes]
    label = int(max(max(title.getlength(n), text.getlength(b)) for n, b in zip(names, below, strict=True)))
    columns = min(per_class, max(counts.values(), default=0))
    left, step = 2 * _MARGIN + label, size + _GAP
    height = 2 * _MARGIN + len(classes) * step - _GAP + (_MARGIN + _TEXT if more else 0)
    sheet = Image.new("RGB", (left + columns * step - _GAP + _MARGIN, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for row, name in enumerate(classes):
        top = _MARGIN + row * step
        middle = top + size // 2
        draw.text((_MARGIN, middle - 3), names[row], _INK, title, anchor="ls")
        draw.text((_MARGIN, middle + 4), below[row], _FAINT, text, anchor="la")
        for column, sample in enumerate(spread(members[name], columns)):
            sheet.paste(_tile(sample, size), (left + column * step, top))
    if more:
        draw.text((_MARGIN, height - _MARGIN), f"and {more} more classes", _FAINT, text, anchor="ls")
    return sheet


def _tile(sample: Sample, size: int) -> Image.Image:
    try:
        image = picture_of(sample.source)
    except WarmstartError:
        return crossed(size)
    sharp = 2 * max(image.size) <= size
    fitted = ImageOps.contain(image, (size, size), Image.Resampling.NEAREST if sharp else Image.Resampling.LANCZOS)
    tile = Image.new("RGB", (size, size), TILE)
    tile.paste(fitted, ((size - fitted.width) // 2, (size - fitted.height) // 2))
    return tile
