"""Keras 3 on torch as the oracle: its networks with weights that matter, the files it saves, and its features.

Weights are random, as none are given out with this repository. Batch norms hold the statistics of two real photos, each
moved by a random amount: activations neither vanish nor explode, and no mean is zero.
"""

from __future__ import annotations

import functools
import importlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import Tensor

from warmstart.model.backbone import Backbone
from warmstart.preprocess.image import normalise

NETWORKS = {
    "vgg16": "vgg16.VGG16",
    "vgg19": "vgg19.VGG19",
    "resnet50": "resnet.ResNet50",
    "resnet101": "resnet.ResNet101",
    "resnet152": "resnet.ResNet152",
    "inception_v3": "inception_v3.InceptionV3",
    "inception_resnet_v2": "inception_resnet_v2.InceptionResNetV2",
    "densenet121": "densenet.DenseNet121",
    "densenet169": "densenet.DenseNet169",
    "densenet201": "densenet.DenseNet201",
    "mobilenet_v2": "mobilenet_v2.MobileNetV2",
    **{f"mobilenet_v2_{100 * alpha:03.0f}": "mobilenet_v2.MobileNetV2" for alpha in (0.35, 0.5, 0.75, 1.3, 1.4)},
    **{f"efficientnet_b{i}": f"efficientnet.EfficientNetB{i}" for i in range(8)},
}
"""Module and function in `keras.applications` of each architecture."""

Images = npt.NDArray[np.float32]


@functools.cache
def keras() -> Any:
    """Keras on torch. It decides on its backend when it is imported first."""
    os.environ["KERAS_BACKEND"] = "torch"
    return importlib.import_module("keras")


def photos(size: int) -> Images:
    """scikit-learn's two photos, resized; RGB in 0..255, (2, size, size, 3)."""
    resized = (Image.fromarray(photo).resize((size, size)) for photo in load_sample_images().images)
    return np.stack([np.asarray(photo, np.float32) for photo in resized])


def build(name: str, size: int, *, seed: int = 0, **options: Any) -> Any:
    """Keras' network without top, with averaged features unless `options` say otherwise, and weights from `seed`."""
    module, _, function = NETWORKS[name].partition(".")
    if name.startswith("mobilenet_v2_"):
        options["alpha"] = int(name.rpartition("_")[2]) / 100
    keras().utils.set_random_seed(seed)
    wanted = {"include_top": False, "weights": None, "pooling": "avg", "input_shape": (size, size, 3)}
    model = getattr(getattr(keras().applications, module), function)(**wanted | options)
    _randomise(model, prepared(name, photos(size)), np.random.default_rng(seed))
    return model


def prepared(name: str, images: Images) -> Images:
    """RGB in 0..255 as Keras' `preprocess_input` of this architecture returns it."""
    module = getattr(keras().applications, NETWORKS[name].partition(".")[0])
    return np.asarray(module.preprocess_input(images.copy()))


def features(model: Any, images: Images) -> Tensor:
    """What Keras computes in evaluation, (n, features)."""
    with torch.no_grad():
        out: Tensor = model(images, training=False)
    return out.cpu()


def our_features(backbone: Backbone, images: Images) -> Tensor:
    """What the backbone computes of RGB in 0..255 by its own preprocessing, (n, features)."""
    pixels = torch.from_numpy(images.astype(np.uint8)).permute(0, 3, 1, 2)
    with torch.no_grad():
        out: Tensor = backbone.chain(normalise(pixels, backbone.preprocess))
    return out


def save(model: Any, path: Path) -> Path:
    """Save as the ending says: `.weights.h5` of Keras 3; `.whole.h5`, a whole model; other `.h5`, legacy weights."""
    if path.name.endswith(".weights.h5"):
        model.save_weights(path)
    elif path.name.endswith(".whole.h5"):
        model.save(path)
    else:
        legacy = importlib.import_module("keras.src.legacy.saving.legacy_h5_format")
        with importlib.import_module("h5py").File(path, "w") as file:
            legacy.save_weights_to_hdf5_group(file, model)
    return path


def _randomise(model: Any, images: Images, draw: np.random.Generator) -> None:
    layers = keras().layers
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    for layer in model.layers:
        if isinstance(layer, layers.Normalization):
            layer.set_weights([draw.uniform(0.3, 0.6, 3), draw.uniform(0.04, 0.07, 3), np.array(1)])
        elif not norms and len(layer.get_weights()) == 2:  # nothing normalises: keep the scale (He et al. 2015)
            kernel, bias = layer.get_weights()
            scale = np.sqrt(2 / kernel[..., 0].size)
            layer.set_weights([draw.normal(0, scale, kernel.shape), draw.normal(0, 0.1, bias.shape)])
        elif layer not in norms and len(layer.get_weights()) == 2:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, draw.normal(0, 0.1, bias.shape)])
    for norm in norms:
        norm.momentum = 0.0  # the statistics of this batch alone
    if norms:
        with torch.no_grad():
            model(images, training=True)
    for norm in norms:
        *affine, mean, variance = norm.get_weights()
        variance = np.maximum(variance, np.median(variance) / 10)  # two images at 1 x 1 can be all but equal
        affine = [draw.uniform(0.8, 1.2, mean.shape)] * (len(affine) - 1) + [draw.normal(0, 0.2, mean.shape)]
        mean = mean + 0.2 * np.sqrt(variance) * draw.normal(size=mean.shape)
        norm.set_weights([*affine, mean, variance * draw.uniform(0.8, 1.5, mean.shape)])
