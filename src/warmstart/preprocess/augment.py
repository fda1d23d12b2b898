"""Augmentation of training images, on uint8 tensors. Each depends on the generator it is given and on nothing else.

So two workers, two runs, or a run and its resumption make the same images of the same sample in the same epoch.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as tvf

_MILD, _STRONG = (0.7, 1.0), (0.35, 1.0)
_RATIO = (3 / 4, 4 / 3)
_JITTER = 0.2


def augment(image: Tensor, name: str, size: int, rng: np.random.Generator) -> Tensor:
    """uint8 (C, size, size) from uint8 (C, H, W).

    `none`: the centre. `flip`: the centre, mirrored left-right half of the time. `light`: a random crop of 70-100 % of
    the area, and flip. `standard`: 35-100 % (Inception crop, Szegedy et al. 2015), flip, and mild changes of brightness,
    contrast and saturation.

    >>> augment(torch.zeros(3, 40, 50, dtype=torch.uint8), "standard", 32, np.random.default_rng(0)).shape
    torch.Size([3, 32, 32])
    """
    return _KINDS[name](image, size, rng)


def _none(image: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    height, width = image.shape[-2:]
    if (height, width) == (size, size):
        return image
    if min(height, width) < size:
        return _resized(image, size)
    top, left = round((height - size) / 2.0), round((width - size) / 2.0)
    return image[:, top : top + size, left : left + size]


def _flip(image: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    return _mirrored(_none(image, size, rng), rng)


def _light(image: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    return _mirrored(_random_crop(image, size, rng, _MILD), rng)


def _standard(image: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    image = _mirrored(_random_crop(image, size, rng, _STRONG), rng)
    brightness, contrast, saturation = rng.uniform(1 - _JITTER, 1 + _JITTER, 3)
    image = tvf.adjust_brightness(image, brightness)
    image = tvf.adjust_contrast(image, contrast)
    return tvf.adjust_saturation(image, saturation) if image.shape[0] == 3 else image


def _random_crop(image: Tensor, size: int, rng: np.random.Generator, share: tuple[float, float]) -> Tensor:
    """A crop of random area and aspect ratio, resized; the whole image if ten draws do not fit (as torchvision does)."""
    height, width = image.shape[-2:]
    for _ in range(10):
        area = height * width * rng.uniform(*share)
        ratio = math.exp(rng.uniform(math.log(_RATIO[0]), math.log(_RATIO[1])))
        h, w = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
        if 0 < h <= height and 0 < w <= width:
            top, left = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
            return _resized(image[:, top : top + h, left : left + w], size)
    return _resized(image, size)


def _resized(image: Tensor, size: int) -> Tensor:
    out: Tensor = tvf.resize(image, [size, size], antialias=True)
    return out


def _mirrored(image: Tensor, rng: np.random.Generator) -> Tensor:
    return torch.flip(image, (-1,)) if rng.random() < 0.5 else image


_KINDS = {"none": _none, "flip": _flip, "light": _light, "standard": _standard}
AUGMENTATIONS: tuple[str, ...] = tuple(_KINDS)
