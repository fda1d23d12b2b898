"""A part of a larger image as a source of its own.

Of a TIFF image no more is read than the strips or tiles that the part lies in (`warmstart.preprocess.geotiff`). All
else has to be decoded whole; the last image is kept, so that its tiles, one after the other, decode it once.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

LARGEST = 1_000_000_000
"""Pixels of an image that is cut; its tiles are held to the limit of all images."""
_DECODING = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Tile:
    """The part `box` (left, top, right, bottom), in pixels of the upright image, of the image in a file."""

    source: Path
    box: tuple[int, int, int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        left, top, right, bottom = self.box
        return right - left, bottom - top

    def __str__(self) -> str:
        left, top, right, bottom = self.box
        return f"{self.source} [{left}:{right}, {top}:{bottom}]"

    def of_image(self, read: Callable[[Path], Image.Image]) -> Image.Image:
        """The part of an image that `read` decodes."""
        whole: Image.Image = _whole(self.source, read)
        return whole.crop(self.box)


def _whole(path: Path, read: Callable[[Path], Any]) -> Any:
    stat = path.stat()
    with _DECODING:  # two threads would decode it twice
        return _decoded(path, stat.st_size, stat.st_mtime_ns, read)


@functools.lru_cache(maxsize=1)
def _decoded(path: Path, size: int, modified: int, read: Callable[[Path], Any]) -> Any:  # noqa: ARG001 (a state of it)
    return read(path)
