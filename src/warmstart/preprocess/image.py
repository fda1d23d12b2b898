"""From a PIL image to the tensor a backbone expects, in two steps: resize (uint8, can be kept), normalise (float32).

Both are those of timm's evaluation transform, bit for bit: Pillow's antialiased resampling, `floor(size / crop_pct)`,
and torchvision's rounding of the centre.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from warmstart.preprocess.spec import PreprocessSpec

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
MAX_ASPECT = 10
"""Sides. Of a longer strip only the middle is resized: the shorter side of 1 x 60000 px at 256 would take 12 GB."""


def fit_size(image: Image.Image, spec: PreprocessSpec, *, crop: bool = True) -> Tensor:
    """Resize an RGB image as `spec` says; uint8 (C, H, W).

    Args:
        image: as `read_image` gives it.
        spec: what the backbone expects.
        crop: to the centre `spec.size` x `spec.size`, which is what evaluation sees. Without, `shortest` leaves the
            whole image, for a random crop later; the other modes give the same either way.

    >>> spec = PreprocessSpec(size=224, crop_pct=0.875)
    >>> fit_size(Image.new("RGB", (640, 480)), spec, crop=False).shape
    torch.Size([3, 256, 341])
    """
    if spec.resize == "squash":
        image = _resized(image, (spec.size, spec.size), spec)
    elif spec.resize == "pad":
        image = _padded(image, spec)
    else:
        image = _shortest(_middle(image), math.floor(spec.size / spec.crop_pct), spec)
    if spec.channels == 1:
        image = image.convert("L")
    pixels = to_pixels(image)
    return centre(pixels, spec.size) if crop else pixels


def to_pixels(image: Image.Image) -> Tensor:
    """uint8 (C, H, W) of an image with one channel or three; `to_image` is the inverse."""
    array = np.array(image)  # a copy of its own: torch wants it writable
    return torch.from_numpy(array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1)))


def to_image(pixels: Tensor) -> Image.Image:
    """The image of uint8 pixels (1 or 3, H, W)."""
    array = pixels.numpy()
    return Image.fromarray(array[0] if len(array) == 1 else np.ascontiguousarray(array.transpose(1, 2, 0)))


def centre(pixels: Tensor, size: int) -> Tensor:
    """The middle (C, size, size) of pixels (C, H, W) with H, W >= size; offsets are rounded as torchvision does.

    >>> centre(torch.arange(5).expand(1, 1, 5), 1).item()
    2
    """
    height, width = pixels.shape[-2:]
    if (height, width) == (size, size):
        return pixels
    top, left = round((height - size) / 2.0), round((width - size) / 2.0)
    # Copied by numpy, since torch would start threads for it, in the threads that decode.
    return torch.from_numpy(np.ascontiguousarray(pixels.numpy()[..., top : top + size, left : left + size]))


def normalise(batch: Tensor, spec: PreprocessSpec) -> Tensor:
    """float32 (n, C, H, W) from uint8: values in 0..1, minus mean, over std. Channels last in memory."""
    mean = torch.tensor(spec.mean, dtype=torch.float32).view(1, -1, 1, 1)
    std = torch.tensor(spec.std, dtype=torch.float32).view(1, -1, 1, 1)
    floats = batch.to(torch.float32).div_(255).sub_(mean).div_(std)
    return floats.contiguous(memory_format=torch.channels_last)


def prepare(images: Sequence[Image.Image], spec: PreprocessSpec) -> Tensor:
    """float32 (n, C, size, size) from n RGB images: both steps."""
    return normalise(torch.stack([fit_size(image, spec) for image in images]), spec)


def _resized(image: Image.Image, size: tuple[int, int], spec: PreprocessSpec) -> Image.Image:
    return image if image.size == size else image.resize(size, _FILTERS[spec.interpolation])


def _middle(image: Image.Image) -> Image.Image:
    """The image, or the middle of a strip that is longer than `MAX_ASPECT` times its shorter side."""
    longest = MAX_ASPECT * min(image.size)
    if max(image.size) <= longest:
        return image
    width, height = (min(side, longest) for side in image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _shortest(image: Image.Image, side: int, spec: PreprocessSpec) -> Image.Image:
    short = min(image.size)
    width, height = (side if length == short else int(side * length / short) for length in image.size)
    return _resized(image, (width, height), spec)


def _padded(image: Image.Image, spec: PreprocessSpec) -> Image.Image:
    """Longer side to `size`, in the middle of a square filled with the mean colour, which is 0 once normalised."""
    scale = max(image.size) / spec.size
    width, height = (max(1, round(side / scale)) for side in image.size)
    grey = len(spec.mean) == 1
    fill = tuple(round(255 * value) for value in (spec.mean * 3 if grey else spec.mean))
    square = Image.new("RGB", (spec.size, spec.size), fill)
    square.paste(_resized(image, (width, height), spec), ((spec.size - width) // 2, (spec.size - height) // 2))
    return square
