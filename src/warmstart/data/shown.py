"""What there is to see of an image, whatever it is stored as, for the pictures that people look at."""

from __future__ import annotations

from PIL import Image, ImageDraw

from warmstart.preprocess.bands import Bands
from warmstart.preprocess.reader import Source
from warmstart.preprocess.resample import preview
from warmstart.preprocess.tiles import read_stored

TILE, _RULE = "#eef1f4", "#d8dee4"


def picture_of(source: Source) -> Image.Image:
    """A picture as RGB; of bands three of them. Raises `ImageError` if it cannot be read."""
    found = read_stored(source)
    return preview(found.values, found.names) if isinstance(found, Bands) else found.image.convert("RGB")


def crossed(size: int) -> Image.Image:
    """A crossed square, for an image that cannot be read."""
    tile = Image.new("RGB", (size, size), TILE)
    draw = ImageDraw.Draw(tile)
    for line in ((0, 0, size - 1, size - 1), (0, size - 1, size - 1, 0), (0, 0, size - 1, 0, size - 1, size - 1)):
        draw.line(line, _RULE, 2)
    return tile
