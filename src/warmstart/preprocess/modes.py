"""Every way in which an image can store its pixels, to 8 bits, by one rule each; and the words that report it.

| stored as | becomes |
|---|---|
| palette, CMYK, YCbCr, LAB, HSV | RGB as Pillow converts it; colour profiles are not applied |
| 1-bit, bool | 0 and 255 |
| 16-bit grey | value / 257, rounded: the full range 0..65535 to 0..255 |
| 32-bit grey with values in 0..65535 | the same: this is how 16-bit files are often opened |
| float with values in 0..1 | value x 255, rounded |
| other float and 32-bit grey | each image stretched from its minimum to its maximum; not-a-number is black |
| with transparency | composited on white |

Grey without transparency stays grey until it is resized, which is the same in one channel as in three equal ones.
16-bit *colour* is reduced to its high byte by Pillow while it decodes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from warmstart.errors import ImageError

Pixels = npt.NDArray[Any]

_CHANNELS = ("L", "LA", "RGB", "RGBA", "I", "F")
_SHAPES = "(H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"


def conversion(image: Image.Image) -> str | None:
    """What `to_8_bits` does to an image beyond widening 8-bit grey, in words; `None` if nothing.

    >>> conversion(Image.new("I;16", (2, 2)))
    '16-bit grey divided by 257'
    >>> conversion(Image.new("RGB", (2, 2))) is None
    True
    """
    if image.mode.startswith("I;16"):
        return "16-bit grey divided by 257"
    if image.mode == "I":
        return "32-bit grey scaled to 8 bits"
    if image.mode == "F":
        return "floating point scaled to 8 bits"
    if image.has_transparency_data:
        return "transparency composited on white"
    known = {"RGB": None, "L": None, "1": "1-bit expanded to black and white", "P": "palette expanded to RGB"}
    return known.get(image.mode, f"{image.mode} converted to RGB")


def to_8_bits(image: Image.Image) -> Image.Image:
    """A new RGB or L image of a decoded one, by the rules above; never the image that was given."""
    if image.mode.startswith("I;16"):
        return Image.fromarray(_from_16_bits(np.asarray(image)))
    if image.mode in ("I", "F"):
        return array_to_8_bits(np.asarray(image))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    if image.mode in ("RGB", "L"):
        return image.copy()
    return image.convert("L" if image.mode == "1" else "RGB")


def unconverted(image: Image.Image) -> Image.Image:
    """A new image with the values of a decoded one, where they are those of its channels; else as `to_8_bits`."""
    return image.copy() if image.mode in _CHANNELS or image.mode.startswith("I;16") else to_8_bits(image)


def array_to_8_bits(array: Pixels) -> Image.Image:
    """An RGB or L image of an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), by the rules above.

    Integers other than 8 and 16 bits are read by their values: 0..255 as they are when colour or 64-bit (what numpy
    makes of a list), else as 32-bit grey.

    Raises:
        ImageError: another shape, nothing in it, or values that are no numbers.

    >>> array_to_8_bits(np.array([[0.0, 1.0]])).getpixel((1, 0))
    255
    """
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)) or array.size == 0:
        raise ImageError(f"an array of shape {array.shape} is no image", expected=_SHAPES)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return to_8_bits(Image.fromarray(np.ascontiguousarray(_values(array))))


def _values(array: Pixels) -> npt.NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        return _from_16_bits(array)
    if array.dtype.kind == "f":
        return _from_floats(array)
    if array.dtype.kind in "iu":
        return _from_integers(array)
    raise ImageError(f"an array of {array.dtype} is no image", expected="integers, floats or bool")


def _from_16_bits(array: Pixels) -> npt.NDArray[np.uint8]:
    return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _from_integers(array: Pixels) -> npt.NDArray[np.uint8]:
    low, high = int(array.min()), int(array.max())
    if low >= 0 and high <= 255 and (array.ndim == 3 or array.dtype.itemsize == 8):
        return array.astype(np.uint8)
    if low >= 0 and high <= 65535:
        return _from_16_bits(array)
    return _stretched(array.astype(np.float64))


def _from_floats(array: Pixels) -> npt.NDArray[np.uint8]:
    values = array.astype(np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        raise ImageError("an image without a single finite value", expected="numbers")
    if values[finite].min() >= 0 and values[finite].max() <= 1:
        return (np.where(finite, values, 0.0) * 255).round().astype(np.uint8)
    return _stretched(values)


def _stretched(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    finite = np.isfinite(values)
    low, high = values[finite].min(), values[finite].max()
    values = np.where(finite, values, low)
    # halves, because the difference of two floats can exceed the largest float
    scaled = (values / 2 - low / 2) / max(high / 2 - low / 2, np.finfo(np.float64).tiny)
    pixels: npt.NDArray[np.uint8] = (scaled * 255).round().astype(np.uint8)
    return pixels
