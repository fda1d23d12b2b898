"""From a PIL image to the tensor a backbone expects, in two steps: resize (kept as uint8, can be stored), normalise."""

from __future__ import annotations

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


def fit_size(image: Image.Image, spec: PreprocessSpec, *, crop: bool = True) -> Tensor:
    """Resize an RGB image by the spec; uint8 (C, H, W).

    With `crop`, H = W = `spec.size`, as evaluation sees it. Without, `shortest` leaves the whole image, its shorter side
    at `round(size / crop_pct)`, for a random crop later; the other modes are the same either way. Antialiased by
    Pillow, as timm does it.
    """
    size, by = spec.size, _FILTERS[spec.interpolation]
    if spec.resize == "squash":
        image = image.resize((size, size), by)
    elif spec.resize == "pad":
        image = _padded(image, spec, by)
    else:
        image = _shortest(image, int(size / spec.crop_pct), by)
        image = _centre(image, size) if crop else image
    if spec.channels == 1:
        image = image.convert("L")
    array = np.array(image)  # a copy: torch wants it writable
    return torch.from_numpy(array[None] if array.ndim == 2 else array.transpose(2, 0, 1).copy())


def normalise(batch: Tensor, spec: PreprocessSpec) -> Tensor:
    """float32 (n, C, H, W) from uint8: values in 0..1, minus mean, over std; channels last in memory."""
    mean = torch.tensor(spec.mean, dtype=torch.float32).mul_(255).view(1, -1, 1, 1)
    std = torch.tensor(spec.std, dtype=torch.float32).mul_(255).view(1, -1, 1, 1)
    return batch.to(torch.float32).sub_(mean).div_(std).contiguous(memory_format=torch.channels_last)


def prepare(images: Sequence[Image.Image], spec: PreprocessSpec) -> Tensor:
    """float32 (n, C, size, size) from RGB images: both steps."""
    return normalise(torch.stack([fit_size(image, spec) for image in images]), spec)


def _shortest(image: Image.Image, side: int, by: Image.Resampling) -> Image.Image:
    width, height = image.size
    if min(width, height) == side:
        return image
    short = min(width, height)
    return image.resize((int(side * width / short), int(side * height / short)), by)


def _centre(image: Image.Image, size: int) -> Image.Image:
    left, top = round((image.width - size) / 2.0), round((image.height - size) / 2.0)
    return image.crop((left, top, left + size, top + size))


def _padded(image: Image.Image, spec: PreprocessSpec, by: Image.Resampling) -> Image.Image:
    scale = spec.size / max(image.size)
    inner = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), by)
    colour = tuple(round(255 * m) for m in (spec.mean if len(spec.mean) == 3 else spec.mean * 3))
    outer = Image.new("RGB", (spec.size, spec.size), colour)
    outer.paste(inner, ((spec.size - inner.width) // 2, (spec.size - inner.height) // 2))
    return outer
