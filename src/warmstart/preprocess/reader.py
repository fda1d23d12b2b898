"""The one reader of images: fit, check, predict and serve all see a file in the same way.

Rules, each applied once and in this place:

- formats: JPEG (and MPO), PNG, BMP, GIF, TIFF, WebP, PPM; whatever else Pillow could open is refused (allow-list);
- the header is checked before anything is decoded: more than `max_pixels` is refused;
- the whole file is decoded: a truncated one is an error, not a half-grey picture;
- EXIF orientation is applied; of several frames the first is taken;
- 16-bit grey is divided by 257; 32-bit integers and floats are taken as 0..1 if they lie in it, else stretched from their
  minimum to their maximum; CMYK and others are converted by Pillow; 1-bit becomes 0 and 255;
- transparency is composited on white.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from warmstart.errors import ImageError, MissingExtraError

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm"})
HEIC = frozenset({".heic", ".heif"})
MAX_PIXELS = 64_000_000

Source = str | Path | bytes | Image.Image | npt.NDArray[Any]


def read_image(source: Source, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """An RGB image, upright, fully decoded.

    Args:
        source: path, encoded bytes, PIL image, or array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), integer or float.
        max_pixels: larger images are refused before they are decoded.

    Raises:
        ImageError: not an image of a known format, truncated, or too large.
        MissingExtraError: HEIC without its plug-in.

    >>> read_image(np.zeros((4, 6), np.uint16)).size
    (6, 4)
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        _check_size(source.size, "the image", max_pixels)
        return _to_rgb(source)
    name = "the bytes" if isinstance(source, bytes) else str(source)
    try:
        with _open(source, name) as image:
            _check_size(image.size, name, max_pixels)
            return _to_rgb(image)
    except ImageError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ImageError(
            f"{name} cannot be read: {error}", expected="a whole image", do="replace or remove it"
        ) from error


def unusual(source: Source) -> str | None:
    """What had to be converted to read this image (mode, frames, orientation), in a few words; `None` if nothing.

    >>> unusual(Image.new("CMYK", (2, 2)))
    'mode CMYK'
    """
    if isinstance(source, np.ndarray):
        return None if source.dtype == np.uint8 else f"values of type {source.dtype}"
    image = source if isinstance(source, Image.Image) else _open(source, "image")
    found = [] if image.mode in ("RGB", "L") else [f"mode {image.mode}"]
    if getattr(image, "n_frames", 1) > 1:
        found.append("several frames, the first is taken")
    if image.getexif().get(0x0112, 1) != 1:
        found.append("turned upright by EXIF")
    return ", ".join(found) or None


def image_size(source: Source) -> tuple[int, int] | None:
    """(width, height) as the header says, before EXIF rotation; `None` if it cannot be read."""
    if isinstance(source, np.ndarray):
        return (source.shape[1], source.shape[0])
    if isinstance(source, Image.Image):
        return source.size
    try:
        with _open(source, "image") as image:
            size: tuple[int, int] = image.size
            return size
    except (OSError, ValueError, ImageError, MissingExtraError, Image.DecompressionBombError):
        return None


def _open(source: str | Path | bytes, name: str) -> Image.Image:
    if not isinstance(source, bytes) and Path(source).suffix.lower() in HEIC:
        return _open_heic(Path(source), name)
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked by _check_size
            return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not an image of a known format",
            expected=f"one of {', '.join(FORMATS)}",
            do="convert it, or remove it from the data",
        ) from error


def _open_heic(path: Path, name: str) -> Image.Image:
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingExtraError(f"the HEIC image {name}", "heic") from error
    pillow_heif.register_heif_opener()
    return Image.open(path, formats=("HEIF",))


def _check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    if size[0] * size[1] > max_pixels:
        raise ImageError(
            f"{name} has {size[0]} x {size[1]} pixels",
            expected=f"at most {max_pixels / 1e6:g} million",
            do="make it smaller, or cut it into tiles",
        )


def _to_rgb(image: Image.Image) -> Image.Image:
    if getattr(image, "n_frames", 1) > 1:
        image.seek(0)
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_array(np.asarray(image))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _from_array(array: npt.NDArray[Any]) -> Image.Image:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)) or 0 in array.shape:
        raise ImageError(f"an array of shape {array.shape}", expected="(H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    eight = _to_eight_bits(array)
    return _to_rgb(Image.fromarray(np.ascontiguousarray(eight)))


def _to_eight_bits(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        return (array / 257.0).round().astype(np.uint8)
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise ImageError("an image with values that are not finite", expected="numbers", do="fill the gaps first")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        values = (values - low) / max(high - low, 1e-12)
    return (values * 255).round().astype(np.uint8)
