"""From a source to an image whose header is read: what is tried on a file, and what is refused before it is decoded."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from warmstart.errors import BandsError, ImageError, MissingExtraError
from warmstart.preprocess.cutting import Tile

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""What is decoded, by Pillow's names; Pillow reads MPO (stereo JPEG) as JPEG. Nothing else is tried on a file."""

HEIC = frozenset({".heic", ".heif"})
EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".pfm"}
)
"""File name endings, in lower case, of the formats that are read without a plug-in."""
ARRAYS = frozenset({".npy"})

MAX_PIXELS = 64_000_000

logging.getLogger("PIL.TiffImagePlugin").addFilter(lambda record: not str(record.msg).startswith("More samples"))
# Pillow logs it as an error, once for every file, where bands are read by another reader.

Source = str | Path | bytes | Image.Image | npt.NDArray[Any] | Tile

_BANDED = (b"\x93NUMPY", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How files begin that may hold bands: numpy's arrays, TIFF and BigTIFF."""
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def open_image(source: str | Path | bytes) -> Image.Image:
    """A file of a known format, its header read and its pixels not; to be closed.

    Raises:
        ImageError: another format.
        BandsError: a file of a kind that may hold bands, and it holds no picture.
        MissingExtraError: a HEIC image, and the plug-in is not installed.
        OSError: it is missing, or empty, or its header is damaged.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        if _is_heic(source):
            return _open_heic(source, file)
        if _is_empty(source):
            raise
        if begins(source, 6).startswith(_BANDED):
            raise BandsError(f"{name_of(source)} holds no picture", expected=", ".join(FORMATS)) from error
        raise ImageError(
            f"{name_of(source)} is not an image of a known format",
            expected=", ".join(FORMATS),
            do="convert it to PNG or JPEG, or remove it",
        ) from error


def begins(source: str | Path | bytes, n: int) -> bytes:
    """The first bytes of a file."""
    if isinstance(source, bytes):
        return source[:n]
    with Path(source).open("rb") as file:
        return file.read(n)


def _is_heic(source: str | Path | bytes) -> bool:
    """By the brand in the `ftyp` box that begins the file (ISO/IEC 23008-12, 10.2), whatever its name."""
    head = begins(source, 12)
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS


def _open_heic(source: str | Path | bytes, file: str | Path | io.BytesIO) -> Image.Image:
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingExtraError(f"HEIC image {name_of(source)}", "heic") from error
    pillow_heif.register_heif_opener()
    return Image.open(file, formats=("HEIF",))


def check_size(size: tuple[int, int], name: str, limit: int) -> None:
    """Raises `ImageError` if an image of this size has no pixels, or more than `limit`."""
    if 0 in size:
        raise ImageError(f"{name} has no pixels: {size[0]} x {size[1]}", expected="at least 1 x 1")
    if size[0] * size[1] > limit:
        raise too_large(name, f"{size[0]} x {size[1]} = {size[0] * size[1]}", limit)


def too_large(name: str, pixels: str, limit: int) -> ImageError:
    """The error that an image has more pixels than the limit."""
    return ImageError(
        f"{name} has {pixels} pixels", expected=f"at most {limit}", do="make it smaller, or cut it into tiles"
    )


def name_of(source: Source) -> str:
    """What an error calls a source."""
    return str(source) if isinstance(source, (str, Path, Tile)) else "the image"


def _is_empty(source: Source) -> bool:
    return (
        source == b""
        if isinstance(source, bytes)
        else isinstance(source, (str, Path)) and not Path(source).stat().st_size
    )


def reason(source: Source, error: Exception) -> str:
    """Why a source cannot be read, in words."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, UnidentifiedImageError) and _is_empty(source):
        return "the file is empty"
    return str(error) or type(error).__name__
