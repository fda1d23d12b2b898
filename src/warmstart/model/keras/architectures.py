"""The architectures of `keras.applications` that can be loaded, and how each wants its images.

Keras has three ways to prepare an image, and some networks do it themselves. All are written as a mean and a standard
deviation of RGB in 0..1. `caffe` reads BGR; the order is turned in the first convolution's weights when they are read,
so that what is fed is RGB here as everywhere.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Literal

from torch import nn

from warmstart.errors import BackboneError, nearest
from warmstart.model.keras.densenet import densenet
from warmstart.model.keras.efficientnet import efficientnet
from warmstart.model.keras.inception import inception_v3
from warmstart.model.keras.inception_resnet import inception_resnet_v2
from warmstart.model.keras.mobilenet import mobilenet_v2
from warmstart.model.keras.resnet import BEFORE_2019, resnet
from warmstart.model.keras.vgg import vgg
from warmstart.preprocess.spec import PreprocessSpec

Mode = Literal["caffe", "tf", "torch", "inside"]

CAFFE_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)
"""Of ImageNet's pixels, red first."""

_SCALES: dict[Mode, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "caffe": (CAFFE_MEAN, (1 / 255,) * 3),
    "tf": ((0.5,) * 3, (0.5,) * 3),
    "torch": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "inside": ((0.0,) * 3, (1.0,) * 3),
}


@dataclasses.dataclass(frozen=True)
class Architecture:
    """How to build a network, and what Keras states about it. `reads_bgr`: its files hold filters for BGR."""

    build: Callable[[], nn.Sequential]
    size: int
    mode: Mode
    min_size: int = 32

    @property
    def reads_bgr(self) -> bool:
        """Whether the first convolution of a file has blue as its first channel."""
        return self.mode == "caffe"

    @property
    def preprocess(self) -> PreprocessSpec:
        """Keras states the size and the range of pixels. The crop is the one that the papers evaluate with."""
        mean, std = _SCALES[self.mode]
        inside = self.mode == "inside"
        return PreprocessSpec(
            size=self.size,
            crop_pct=self.size / (self.size + 32) if inside else 0.875,
            interpolation="bicubic" if inside else "bilinear",
            mean=mean,
            std=std,
        )


_EFFICIENTNETS = (
    (1.0, 1.0, 224),
    (1.0, 1.1, 240),
    (1.1, 1.2, 260),
    (1.2, 1.4, 300),
    (1.4, 1.8, 380),
    (1.6, 2.2, 456),
    (1.8, 2.6, 528),
    (2.0, 3.1, 600),
)
"""Width, depth and size of B0 to B7."""


OLD_RESNET50 = "resnet50_keras22"
"""ResNet50 of Keras 2.0 to 2.2: another epsilon, and layers with names such as res2a_branch2a."""


def _all() -> dict[str, Architecture]:
    found = {
        "vgg16": Architecture(functools.partial(vgg, 2, 2, 3, 3, 3), 224, "caffe"),
        "vgg19": Architecture(functools.partial(vgg, 2, 2, 4, 4, 4), 224, "caffe"),
        "resnet50": Architecture(functools.partial(resnet, 3, 4, 6, 3), 224, "caffe"),
        OLD_RESNET50: Architecture(functools.partial(resnet, 3, 4, 6, 3, epsilon=BEFORE_2019), 224, "caffe"),
        "resnet101": Architecture(functools.partial(resnet, 3, 4, 23, 3), 224, "caffe"),
        "resnet152": Architecture(functools.partial(resnet, 3, 8, 36, 3), 224, "caffe"),
        "inception_v3": Architecture(inception_v3, 299, "tf", 75),
        "inception_resnet_v2": Architecture(inception_resnet_v2, 299, "tf", 75),
        "densenet121": Architecture(functools.partial(densenet, 6, 12, 24, 16), 224, "torch"),
        "densenet169": Architecture(functools.partial(densenet, 6, 12, 32, 32), 224, "torch"),
        "densenet201": Architecture(functools.partial(densenet, 6, 12, 48, 32), 224, "torch"),
    }
    for alpha in (0.35, 0.5, 0.75, 1.0, 1.3, 1.4):
        name = "mobilenet_v2" + ("" if alpha == 1 else f"_{round(100 * alpha):03}")
        found[name] = Architecture(functools.partial(mobilenet_v2, alpha), 224, "tf")
    for i, (width, depth, size) in enumerate(_EFFICIENTNETS):
        found[f"efficientnet_b{i}"] = Architecture(functools.partial(efficientnet, width, depth), size, "inside")
    return found


ARCHITECTURES = _all()
"""By the name that a URI has: `keras:resnet50@FILE`."""


def architecture(name: str) -> Architecture:
    """One of `ARCHITECTURES`.

    Raises:
        BackboneError: there is none of this name.
    """
    if name not in ARCHITECTURES:
        raise BackboneError(
            f"no Keras architecture is called {name!r}",
            expected=f"one of {', '.join(ARCHITECTURES)}",
            do=f"the nearest: {nearest(name, ARCHITECTURES)}",
        )
    return ARCHITECTURES[name]
