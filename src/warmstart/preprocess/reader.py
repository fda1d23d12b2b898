"""The one reader of images: fit, check, predict and serve all see a file in the same way.

In this order: the format must be on the list, the header must promise no more pixels than allowed, the whole file is
decoded (a truncated file is an error, not a picture that is half grey), of several frames the first is taken, the EXIF
orientation is applied, and the pixels become 8-bit RGB by the rules of `warmstart.preprocess.modes`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin

from warmstart.errors import ImageError, WarmstartError
from warmstart.preprocess.cutting import LARGEST, Tile
from warmstart.preprocess.geotiff import tiff_tile
from warmstart.preprocess.modes import array_to_8_bits, conversion, to_8_bits, unconverted
from warmstart.preprocess.opening import MAX_PIXELS, Source, check_size, name_of, open_image, reason, too_large

__all__ = ["Decoded", "Source", "decode", "image_size", "read_image", "stored_as"]

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
_LOADING = threading.Lock()  # an image of the user's that is not decoded yet may be asked for by two threads


Box = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True)
class Decoded:
    """An upright picture, perhaps decoded smaller than it is stored.

    Where a side is no multiple of the reduction, libjpeg rounds it up, so the picture ends inside the last pixel: `box`
    says where. Resizing from there keeps every edge in its place.
    """

    image: Image.Image
    """8-bit RGB, or 8-bit grey (L) of what is stored without colour."""
    size: tuple[int, int]
    """(width, height) as it is stored, upright."""
    box: Box
    """(left, top, right, bottom) of the picture, in pixels of `image`."""

    @classmethod
    def whole(cls, image: Image.Image) -> Decoded:
        """An image that is not reduced."""
        return cls(image, image.size, (0, 0, *image.size))


def read_image(source: Source, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """An image as 8-bit RGB, upright, at full size; always a new object.

    Args:
        source: path, bytes of a file, PIL image, or array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).
        max_pixels: width x height that is refused beyond, before anything is decoded.

    Raises:
        ImageError: missing, damaged, of another format, or too large.
        MissingExtraError: a HEIC image, and the plug-in is not installed.

    >>> read_image(np.zeros((4, 6), np.uint16)).size
    (6, 4)
    """
    image = decode(source, max_pixels=max_pixels).image
    return image if image.mode == "RGB" else image.convert("RGB")


def decode(
    source: Source, *, max_pixels: int = MAX_PIXELS, reduction: Callable[[tuple[int, int]], int] = lambda _: 1
) -> Decoded:
    """What `read_image` reads, grey left grey, and a JPEG file at a fraction of its size where that is enough.

    Args:
        source: as for `read_image`.
        max_pixels: as for `read_image`; the size in the header counts, also where it is reduced.
        reduction: 1, 2, 4 or 8 by the (width, height) in the header: JPEG files are decoded at 1/1, 1/2, 1/4 or 1/8 of
            that, by a smaller inverse cosine transform. All else is decoded in full, an image in memory too.

    Raises:
        ImageError, MissingExtraError: as `read_image`.
    """
    name = name_of(source)
    with guarded(source, max_pixels):
        if isinstance(source, Tile):
            check_size(source.size, name, max_pixels)
            found = tiff_tile(source.source, source.box, picture=True)
            image = source.of_image(_in_full) if found is None else array_to_8_bits(found.values)
            return Decoded.whole(image)
        if isinstance(source, np.ndarray):
            if source.ndim > 1 and source.size:  # else `array_to_8_bits` says what is wrong with the shape
                check_size((source.shape[1], source.shape[0]), name, max_pixels)
            return Decoded.whole(array_to_8_bits(source))
        if isinstance(source, Image.Image):
            check_size(source.size, name, max_pixels)
            with _LOADING:
                return _read(source, 1, to_8_bits)
        with open_image(source) as image:
            check_size(image.size, name, max_pixels)
            return _read(image, reduction(image.size), to_8_bits)


def as_stored(source: str | Path | bytes | Image.Image, max_pixels: int) -> Image.Image:
    """An image upright, with the values that it is stored with: grey of any depth, RGB, or either with transparency.

    What has others (a palette, CMYK) is converted to RGB. Raises as `decode`.
    """
    with guarded(source, max_pixels), contextlib.ExitStack() as stack:
        inside = isinstance(source, Image.Image)
        image = source if isinstance(source, Image.Image) else stack.enter_context(open_image(source))
        check_size(image.size, name_of(source), max_pixels)
        with _LOADING if inside else contextlib.nullcontext():
            return _read(image, 1, unconverted).image


@contextlib.contextmanager
def guarded(source: Source, max_pixels: int) -> Iterator[None]:
    """Whatever fails inside is an error of the house that names the source."""
    name = name_of(source)
    try:
        yield
    except WarmstartError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit, far above the default of ours
        raise too_large(name, re.findall(r"\d+", str(error))[0], max_pixels) from error
    except Exception as error:  # a crafted file can make a decoder fail in any way; none of them may end a run
        raise ImageError(
            f"{name} cannot be read: {reason(source, error)}", expected="a whole image", do="replace or remove it"
        ) from error


def stored_as(source: Source) -> tuple[str, tuple[str, ...]]:
    """How a readable image is stored (Pillow's mode, or the dtype of an array), and in words what reading it converts.

    Only the header is read, so an orientation that a PNG has behind its pixels is not told. The words are to be told
    once per data set.

    >>> stored_as(Image.new("CMYK", (2, 2)))
    ('CMYK', ('CMYK converted to RGB',))
    """
    source = source.source if isinstance(source, Tile) else source
    if isinstance(source, np.ndarray):
        dtype = str(source.dtype)
        return dtype, () if source.dtype == np.uint8 else (f"values of type {dtype} scaled to 8 bits",)
    image = source if isinstance(source, Image.Image) else open_image(source)
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
    if isinstance(source, Tile):
        return source.size
    if isinstance(source, np.ndarray):
        return (source.shape[1], source.shape[0]) if source.ndim > 1 else None
    if isinstance(source, Image.Image):
        return _upright_size(source)
    try:
        with open_image(source) as image:
            return _upright_size(image)
    except Exception:  # as in `read_image`, whose business it is to say why
        return None


def _in_full(path: Path) -> Image.Image:
    """An image of which tiles are wanted."""
    return decode(path, max_pixels=LARGEST).image


def orientation(source: Source) -> int:
    """How a stored image has to be turned, 1 to 8 as EXIF has it, 1 where it is upright or does not say."""
    source = source.source if isinstance(source, Tile) else source
    if isinstance(source, np.ndarray):
        return 1
    if isinstance(source, Image.Image):
        return 1 if source.format == "TIFF" else _orientation(source)
    try:
        with open_image(source) as image:
            return 1 if image.format == "TIFF" else _orientation(image)  # Pillow turns it while it decodes
    except Exception:  # as in `read_image`, whose business it is to say why
        return 1


def _read(image: Image.Image, reduction: int, convert: Callable[[Image.Image], Image.Image]) -> Decoded:
    """Decode, convert, turn upright."""
    # Pillow has no switch per call; another library may have turned this one on, and then truncated files pass.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    stored, drafted = image.size, None
    if reduction > 1 and isinstance(image, JpegImagePlugin.JpegImageFile):
        drafted = image.draft(None, (stored[0] // reduction, stored[1] // reduction))
    image.load()
    plain = convert(image)
    box = (0, 0, *image.size) if drafted is None else drafted[1]
    # Asked for after decoding: a PNG may say it behind its pixels, and Pillow turns TIFF itself and takes the tag away.
    turn = _orientation(image)
    size = _turned(stored if drafted else image.size, turn)
    if turn not in _UPRIGHT:
        return Decoded(plain, size, box)
    upright = plain.transpose(_UPRIGHT[turn])
    return Decoded(upright, size, _turned_box(box, upright.size, turn))


def _turned(size: tuple[int, int], turn: int) -> tuple[int, int]:
    return (size[1], size[0]) if turn in (5, 6, 7, 8) else size


def _turned_box(box: Box, size: tuple[int, int], turn: int) -> Box:
    """Where a box that begins at the top left comes to lie in the upright image of this size."""
    width, height = (box[3], box[2]) if turn in (5, 6, 7, 8) else (box[2], box[3])
    left = size[0] - width if turn in (2, 3, 6, 7) else 0
    top = size[1] - height if turn in (3, 4, 7, 8) else 0
    return left, top, left + width, top + height


def _upright_size(image: Image.Image) -> tuple[int, int]:
    # Pillow gives the size of a TIFF as it will be once it is turned.
    return image.size if image.format == "TIFF" else _turned(image.size, _orientation(image))


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and not _TAGS & image.info.keys():
        return 1  # Pillow would decode all of it to look behind the pixels
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF does not make a damaged picture
        return 1
