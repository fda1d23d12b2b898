"""What a photo says of itself, beside its pixels."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from PIL import ExifTags, Image

from warmstart.preprocess.cutting import Tile
from warmstart.preprocess.opening import Source, open_image

_TAKEN = (ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized)
"""Not `DateTime`: that is when the file was last changed (CIPA DC-008, 4.6.4)."""


def capture_time(source: Source) -> float | None:
    """Seconds from 1970 to when a photo was taken, by its camera's clock; `None` if it does not say, or cannot be read.

    >>> capture_time(Image.new("RGB", (2, 2))) is None
    True
    """
    if isinstance(source, np.ndarray):
        return None
    source = source.source if isinstance(source, Tile) else source
    try:
        if isinstance(source, Image.Image):
            return _taken(source)
        with open_image(source) as image:
            return _taken(image)
    except Exception:  # a damaged header is the reader's business, which says why
        return None


def _taken(image: Image.Image) -> float | None:
    said = image.getexif().get_ifd(ExifTags.IFD.Exif)
    text = next((str(said[tag]) for tag in _TAKEN if tag in said), "").strip(" \0")
    return datetime.strptime(text, "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC).timestamp() if text else None
