"""One picture with samples of each class or label, or of low to high numbers, to be looked at before training."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont, ImageOps

from warmstart.data.examples import MOST_CLASSES, kinds, spread
from warmstart.data.names import clean
from warmstart.data.schema import Dataset, Sample
from warmstart.errors import WarmstartError
from warmstart.preprocess.bands import Bands
from warmstart.preprocess.resample import preview
from warmstart.preprocess.tiles import read_stored

_MARGIN, _GAP, _TITLE, _TEXT = 24, 6, 15, 12
_INK, _FAINT, _PAPER, _TILE, _RULE = "#1f2328", "#656d76", "#ffffff", "#eef1f4", "#d8dee4"
_LONGEST = 26
"""Characters of a class name."""


def contact_sheet(dataset: Dataset, per_class: int = 8, size: int = 96) -> Image.Image:
    """A row for each class or label: its name, the number of its samples, and some of them, spread evenly over it.

    Images with numbers are in four rows, from the lowest to the highest.

    An image is shown whole, in a square of `size` pixels; a small one is enlarged so that its pixels show. An
    unreadable one is a crossed square. At most 40 classes are shown, and a line says how many there are more.

    >>> import numpy as np
    >>> from warmstart.data.sources import load
    >>> contact_sheet(load((np.zeros((4, 8, 8), np.uint8), ["a", "a", "b", "b"])), size=32).mode
    'RGB'
    """
    members = kinds(dataset)
    classes, counts = [*members][:MOST_CLASSES], {name: len(samples) for name, samples in members.items()}
    more = len(members) - len(classes)
    title, text = _font(_TITLE), _font(_TEXT)
    names = [_shortened(name) for name in classes]
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
        found = read_stored(sample.source)
        image = preview(found.values, found.names) if isinstance(found, Bands) else found.image.convert("RGB")
    except WarmstartError:
        tile = Image.new("RGB", (size, size), _TILE)
        draw = ImageDraw.Draw(tile)
        for line in ((0, 0, size - 1, size - 1), (0, size - 1, size - 1, 0), (0, 0, size - 1, 0, size - 1, size - 1)):
            draw.line(line, _RULE, 2)
        return tile
    sharp = 2 * max(image.size) <= size
    fitted = ImageOps.contain(image, (size, size), Image.Resampling.NEAREST if sharp else Image.Resampling.LANCZOS)
    tile = Image.new("RGB", (size, size), _TILE)
    tile.paste(fitted, ((size - fitted.width) // 2, (size - fitted.height) // 2))
    return tile


def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: Latin, Greek, Cyrillic and more. Pillow's own font has ASCII alone."""
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)


def _shortened(name: str) -> str:
    text = clean(name)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
