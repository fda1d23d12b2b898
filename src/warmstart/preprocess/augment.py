"""Augmentation of training images, on tensors of pixels. Each depends on the generator it is given and on nothing else.

So two workers, two runs, or a run and its resumption make the same picture of the same sample in the same epoch.

Pillow does the work, not torch: this runs in threads beside a network that uses all cores, and torch would start a team
of threads for each small operation there (1 ms of work then took up to 190 ms).
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from PIL import Image, ImageEnhance
from torch import Tensor

from warmstart.errors import RecipeError
from warmstart.preprocess.image import centre_at, to_image, to_pixels
from warmstart.preprocess.resample import from_array, resize

_LIGHT, _STANDARD = (0.7, 1.0), (0.35, 1.0)
"""Shares of the area that a random crop keeps. ImageNet training from scratch takes 0.08 (Szegedy et al. 2015); a
network that is pretrained and has few images gains from seeing most of each (Steiner et al. 2022, section 4)."""
_SHARES = {"light": _LIGHT, "standard": _STANDARD}
_RATIO = (3 / 4, 4 / 3)
"""Aspect ratios of a random crop (Szegedy et al. 2015, section 6)."""
_JITTER = 0.2
"""Brightness, contrast and saturation are multiplied by a factor from 1 - 0.2 to 1 + 0.2."""
_CHANGES = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
_TRIES = 10
AUGMENTATIONS = ("none", "flip", "light", "standard")
"""Names that `augment` knows, from nothing to the strongest."""


@dataclasses.dataclass(frozen=True)
class Drawn:
    """What chance makes of one picture. The same is made of what is marked in it, so that both stay together.

    Args:
        box: (top, left, height, width) of what is seen of the pixels that are given; it is resized to the whole.
        mirrored: left and right.
        factors: of brightness, contrast and saturation.
    """

    box: tuple[int, int, int, int]
    mirrored: bool = False
    factors: tuple[float, ...] | None = None


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
    height, width = image.shape[-2:]
    return applied(draw(name, (height, width), size, rng, banded=banded), image, size, banded=banded)


def draw(name: str, shape: tuple[int, int], size: int, rng: np.random.Generator, *, banded: bool = False) -> Drawn:
    """What chance makes of pixels of the shape (height, width). Arguments and errors are those of `augment`.

    >>> draw("none", (40, 50), 32, np.random.default_rng(0)).box
    (4, 9, 32, 32)
    """
    if name not in AUGMENTATIONS:
        raise RecipeError(f"no augmentation is called {name!r}", expected=f"one of {', '.join(AUGMENTATIONS)}")
    box = random_crop_box(*shape, _SHARES[name], rng) if name in _SHARES else _seen(shape, size)
    mirrored = name != "none" and rng.random() < 0.5
    jittered = name == "standard" and not banded
    return Drawn(box, mirrored, tuple(rng.uniform(1 - _JITTER, 1 + _JITTER, 3).tolist()) if jittered else None)


def applied(drawn: Drawn, image: Tensor, size: int, *, banded: bool = False) -> Tensor:
    """The pixels (C, size, size) that were drawn, of (C, H, W), which are not changed."""
    top, left, height, width = drawn.box
    crop = image[:, top : top + height, left : left + width]
    if banded:
        values = resize(crop.numpy().transpose(1, 2, 0), (size, size), Image.Resampling.BILINEAR)
        return from_array(values[:, ::-1] if drawn.mirrored else values)
    picture = to_image(crop).resize((size, size), Image.Resampling.BILINEAR)
    if drawn.mirrored:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for change, factor in zip(_CHANGES, drawn.factors or (1.0,) * len(_CHANGES), strict=True):
        picture = picture if factor == 1 else change(picture).enhance(factor)
    return to_pixels(picture)


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


def _seen(shape: tuple[int, int], size: int) -> tuple[int, int, int, int]:
    """The centre, as evaluation sees it; everything of what is smaller than that."""
    height, width = shape
    if min(shape) < size:
        return 0, 0, height, width
    return centre_at(height, size), centre_at(width, size), size, size
