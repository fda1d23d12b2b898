"""Augmentation of training images, on tensors of pixels. Each depends on the generator it is given and on nothing else.

So two workers, two runs, or a run and its resumption make the same picture of the same sample in the same epoch.

Pillow does the work, not torch: this runs in threads beside a network that uses all cores, and torch would start a team
of threads for each small operation there (1 ms of work then took up to 190 ms).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance
from torch import Tensor

from warmstart.errors import RecipeError
from warmstart.preprocess.image import centre, to_image, to_pixels
from warmstart.preprocess.resample import from_array, resize

_LIGHT, _STANDARD = (0.7, 1.0), (0.35, 1.0)
"""Shares of the area that a random crop keeps. ImageNet training from scratch takes 0.08 (Szegedy et al. 2015); a
network that is pretrained and has few images gains from seeing most of each (Steiner et al. 2022, section 4)."""
_SHARES = {"light": _LIGHT, "standard": _STANDARD}
_RATIO = (3 / 4, 4 / 3)
"""Aspect ratios of a random crop (Szegedy et al. 2015, section 6)."""
_JITTER = 0.2
"""Brightness, contrast and saturation are multiplied by a factor from 1 - 0.2 to 1 + 0.2."""
_TRIES = 10


def augment(image: Tensor, name: str, size: int, rng: np.random.Generator, *, banded: bool = False) -> Tensor:
    """(C, size, size) from (C, H, W), of the same type, which is not changed.

    `none`: the centre, as evaluation sees it. `flip`: the centre, mirrored left-right half of the time. `light`: a
    crop of 70-100 % of the area, resized, and flip. `standard`: 35-100 %, flip, and mild changes of brightness,
    contrast and saturation. Of bands, whatever their number and type, `standard` changes no colours: what is mild for
    an eye is none of the ways in which reflectances vary.

    Args:
        image: pixels as `fit_size(..., crop=False)` gives them.
        name: one of `AUGMENTATIONS`.
        size: side of the result in pixels.
        rng: all that is random; the same state gives the same picture.
        banded: whether the channels are bands, and no picture.

    Raises:
        RecipeError: no augmentation has this name.

    >>> from torch import uint8, zeros
    >>> augment(zeros(3, 40, 50, dtype=uint8), "standard", 32, np.random.default_rng(0)).shape
    torch.Size([3, 32, 32])
    """
    if name not in _KINDS:
        raise RecipeError(f"no augmentation is called {name!r}", expected=f"one of {', '.join(AUGMENTATIONS)}")
    return _banded(image, name, size, rng) if banded else _KINDS[name](image, size, rng)


def random_crop_box(
    height: int, width: int, share: tuple[float, float], rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """(top, left, height, width) of a crop with a random share of the area and a random aspect ratio.

    As torchvision's `RandomResizedCrop.get_params` (Szegedy et al. 2015): the area is uniform, the logarithm of the
    ratio is uniform; after ten draws that do not fit, the largest centre crop with a ratio in range.
    """
    for _ in range(_TRIES):
        area = height * width * rng.uniform(*share)
        ratio = math.exp(rng.uniform(math.log(_RATIO[0]), math.log(_RATIO[1])))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1)), h, w
    ratio = min(max(width / height, _RATIO[0]), _RATIO[1])
    w, h = min(width, round(height * ratio)), min(height, round(width / ratio))
    return (height - h) // 2, (width - w) // 2, h, w


def _banded(image: Tensor, name: str, size: int, rng: np.random.Generator) -> Tensor:
    height, width = image.shape[-2:]
    if name in _SHARES or min(height, width) < size:
        box = random_crop_box(height, width, _SHARES[name], rng) if name in _SHARES else (0, 0, height, width)
        top, left, height, width = box
        crop = image.numpy()[:, top : top + height, left : left + width].transpose(1, 2, 0)
        values = resize(crop, (size, size), Image.Resampling.BILINEAR)
    else:
        values = centre(image, size).numpy().transpose(1, 2, 0)
    return from_array(values[:, ::-1] if name != "none" and rng.random() < 0.5 else values)


def _none(image: Tensor, size: int, rng: np.random.Generator) -> Tensor:  # noqa: ARG001 (one signature for all)
    whole = (0, 0, *image.shape[-2:])
    return centre(image, size) if min(image.shape[-2:]) >= size else to_pixels(_resized(image, whole, size))


def _flip(image: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    return to_pixels(_mirrored(to_image(_none(image, size, rng)), rng))


def _light(image: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    return to_pixels(_random_crop(image, size, _LIGHT, rng))


def _standard(image: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    picture = _random_crop(image, size, _STANDARD, rng)
    factors = rng.uniform(1 - _JITTER, 1 + _JITTER, 3).tolist()
    for change, factor in zip(
        (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color), factors, strict=True
    ):
        picture = change(picture).enhance(factor)
    return to_pixels(picture)


def _random_crop(image: Tensor, size: int, share: tuple[float, float], rng: np.random.Generator) -> Image.Image:
    box = random_crop_box(image.shape[-2], image.shape[-1], share, rng)
    return _mirrored(_resized(image, box, size), rng)


def _resized(image: Tensor, box: tuple[int, int, int, int], size: int) -> Image.Image:
    top, left, height, width = box
    crop = to_image(image[:, top : top + height, left : left + width])
    return crop.resize((size, size), Image.Resampling.BILINEAR)


def _mirrored(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else image


_KINDS: dict[str, Callable[[Tensor, int, np.random.Generator], Tensor]] = {
    "none": _none,
    "flip": _flip,
    "light": _light,
    "standard": _standard,
}
AUGMENTATIONS: tuple[str, ...] = tuple(_KINDS)
"""Names that `augment` knows, from nothing to the strongest."""
