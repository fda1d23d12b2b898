"""The one reader of images: fit, check, predict and serve all see a file in the same way.

In this order: the format must be on the list, the header must promise no more pixels than allowed, the whole file is
decoded (a truncated file is an error, not a picture that is half grey), of several frames the first is taken, the EXIF
orientation is applied, and the pixels become 8-bit RGB by the rules of `warmstart.preprocess.modes`.
"""

from __future__ import annotations

import io
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, UnidentifiedImageError

from warmstart.errors import ImageError, MissingExtraError, WarmstartError
from warmstart.preprocess.modes import array_to_rgb, conversion, to_rgb

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""What is decoded, by Pillow's names; Pillow reads MPO (stereo JPEG) as JPEG. Nothing else is tried on a file."""

HEIC = frozenset({".heic", ".heif"})
EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".pfm"}
)
"""File name endings, in lower case, of the formats that are read without a plug-in."""

MAX_PIXELS = 64_000_000

Source = str | Path | bytes | Image.Image | npt.NDArray[Any]

_ORIENTATION = 0x0112  # EXIF 2.3, table 4
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TAGS = {"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"}
"""Where Pillow keeps what an image says of its orientation."""
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_LOADING = threading.Lock()  # an image of the user's that is not decoded yet may be asked for by two threads


def read_image(source: Source, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """An image as 8-bit RGB, upright and fully decoded; always a new object.

    Args:
        source: path, bytes of a file, PIL image, or array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).
        max_pixels: width x height that is refused beyond, before anything is decoded.

    Raises:
        ImageError: missing, damaged, of another format, or too large.
        MissingExtraError: a HEIC image, and the plug-in is not installed.

    >>> read_image(np.zeros((4, 6), np.uint16)).size
    (6, 4)
    """
    name = _name(source)
    try:
        if isinstance(source, np.ndarray):
            if source.ndim > 1 and source.size:  # else `array_to_rgb` says what is wrong with the shape
                _check_size((source.shape[1], source.shape[0]), name, max_pixels)
            return array_to_rgb(source)
        if isinstance(source, Image.Image):
            _check_size(source.size, name, max_pixels)
            with _LOADING:
                return _read(source)
        with _open(source) as image:
            _check_size(image.size, name, max_pixels)
            return _read(image)
    except WarmstartError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit, far above the default of ours
        raise _too_large(name, re.findall(r"\d+", str(error))[0], max_pixels) from error
    except Exception as error:  # a crafted file can make a decoder fail in any way; none of them may end a run
        raise ImageError(
            f"{name} cannot be read: {_reason(source, error)}", expected="a whole image", do="replace or remove it"
        ) from error


def stored_as(source: Source) -> tuple[str, tuple[str, ...]]:
    """How a readable image is stored (Pillow's mode, or the dtype of an array), and in words what reading it converts.

    Only the header is read, so an orientation that a PNG has behind its pixels is not told. The words are to be told
    once per data set.

    >>> stored_as(Image.new("CMYK", (2, 2)))
    ('CMYK', ('CMYK converted to RGB',))
    """
    if isinstance(source, np.ndarray):
        dtype = str(source.dtype)
        return dtype, () if source.dtype == np.uint8 else (f"values of type {dtype} scaled to 8 bits",)
    image = source if isinstance(source, Image.Image) else _open(source)
    try:
        several = getattr(image, "is_animated", False) and image.format != "MPO"  # its further frames are other views
        words = (
            conversion(image),
            f"first of several frames taken ({image.format})" if several else None,
            "turned upright by EXIF orientation" if _orientation(image) in _UPRIGHT else None,
        )
        return image.mode, tuple(word for word in words if word)
    finally:
        if image is not source:
            image.close()


def image_size(source: Source) -> tuple[int, int] | None:
    """(width, height) of the upright image by its header; `None` if there is none that can be read."""
    if isinstance(source, np.ndarray):
        return (source.shape[1], source.shape[0]) if source.ndim > 1 else None
    if isinstance(source, Image.Image):
        return _upright_size(source)
    try:
        with _open(source) as image:
            return _upright_size(image)
    except Exception:  # as in `read_image`, whose business it is to say why
        return None


def _read(image: Image.Image) -> Image.Image:
    """Decode, convert, turn upright."""
    # Pillow has no switch per call; another library may have turned this one on, and then truncated files pass.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    image.load()
    rgb = to_rgb(image)
    # Asked for after decoding: a PNG may say it behind its pixels, and Pillow turns TIFF itself and takes the tag away.
    turn = _orientation(image)
    return rgb.transpose(_UPRIGHT[turn]) if turn in _UPRIGHT else rgb


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    # Pillow gives the size of a TIFF as it will be once it is turned.
    turned = _orientation(image) in (5, 6, 7, 8) and image.format != "TIFF"
    return (height, width) if turned else (width, height)


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and not _TAGS & image.info.keys():
        return 1  # Pillow would decode all of it to look behind the pixels
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF does not make a damaged picture
        return 1


def _open(source: str | Path | bytes) -> Image.Image:
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        if _is_heic(source):
            return _open_heic(source, file)
        if _is_empty(source):
            raise
        raise ImageError(
            f"{_name(source)} is not an image of a known format",
            expected=", ".join(FORMATS),
            do="convert it to PNG or JPEG, or remove it",
        ) from error


def _is_heic(source: str | Path | bytes) -> bool:
    """By the brand in the `ftyp` box that begins the file (ISO/IEC 23008-12, 10.2), whatever its name."""
    if isinstance(source, bytes):
        head = source[:12]
    else:
        with Path(source).open("rb") as file:
            head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS


def _open_heic(source: str | Path | bytes, file: str | Path | io.BytesIO) -> Image.Image:
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingExtraError(f"HEIC image {_name(source)}", "heic") from error
    pillow_heif.register_heif_opener()
    return Image.open(file, formats=("HEIF",))


def _check_size(size: tuple[int, int], name: str, limit: int) -> None:
    if 0 in size:
        raise ImageError(f"{name} has no pixels: {size[0]} x {size[1]}", expected="at least 1 x 1")
    if size[0] * size[1] > limit:
        raise _too_large(name, f"{size[0]} x {size[1]} = {size[0] * size[1]}", limit)


def _too_large(name: str, pixels: str, limit: int) -> ImageError:
    return ImageError(
        f"{name} has {pixels} pixels", expected=f"at most {limit}", do="make it smaller, or cut it into tiles"
    )


def _name(source: Source) -> str:
    return str(source) if isinstance(source, (str, Path)) else "the image"


def _is_empty(source: Source) -> bool:
    return (
        source == b""
        if isinstance(source, bytes)
        else isinstance(source, (str, Path)) and not Path(source).stat().st_size
    )


def _reason(source: Source, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, UnidentifiedImageError) and _is_empty(source):
        return "the file is empty"
    return str(error) or type(error).__name__
