"""A network of `keras.applications` with the weights of a file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from torch import nn

from warmstart.model.keras.architectures import OLD_RESNET50, architecture
from warmstart.model.keras.efficientnet import STD, Normalization
from warmstart.model.keras.hdf5 import Array, StoredLayer, read_layers
from warmstart.model.keras.matching import assign, match, named
from warmstart.model.keras.resnet import renamed

_EPSILON = 1e-7
"""The least that Keras' `Normalization` divides by."""


def load(name: str, path: Path, *, bgr: bool) -> tuple[nn.Sequential, nn.Linear | None]:
    """The network with the weights of a file, and the one dense layer above it where the file has just one.

    Args:
        name: of the architecture.
        path: as `read_layers` takes it.
        bgr: the file's filters are for BGR; those of the network read RGB all the same.

    Raises:
        BackboneError, MissingExtraError: as `read_layers` and `match`.
    """
    network = architecture(name).build()
    layers = read_layers(path)
    if name == OLD_RESNET50:
        layers = tuple(dataclasses.replace(layer, name=renamed(layer.name)) for layer in layers)
    found = match(network, layers, name, str(path))
    assign(network, found.pairs)
    for slot, layer in found.pairs:
        module = network.get_submodule(slot.path)
        if isinstance(module, Normalization):
            values = named(slot, layer)
            twice = sum(layer.counted[0] == "rescaling" for layer in layers) > 1
            _normalise(module, values["mean"], values["variance"], twice=twice)
    if bgr:
        turn_channels(network)
    return network, _classifier(found.rest)


def turn_channels(network: nn.Module) -> None:
    """Let the first convolution read the channels of its input in the opposite order."""
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    with torch.no_grad():
        first.weight.copy_(first.weight.flip(1))


def _normalise(module: Normalization, mean: Array, variance: Array, *, twice: bool) -> None:
    """What Keras' EfficientNet does to pixels in 0..1.

    Its variances for ImageNet are really the standard deviations. So the network that Keras builds for these weights
    divides by their roots again, in a second `Rescaling`, of which the published files know nothing: they are told by
    the variances. See https://github.com/tensorflow/tensorflow/issues/49930.
    """
    std = np.maximum(np.sqrt(variance.reshape(-1)), _EPSILON)
    if twice or np.allclose(variance.reshape(-1), STD, atol=1e-3):
        std = std * np.sqrt(STD)
    module.mean.copy_(torch.from_numpy(mean.reshape(1, 3, 1, 1).astype("float32")))
    module.std.copy_(torch.from_numpy(std.reshape(1, 3, 1, 1).astype("float32")))


def _classifier(rest: tuple[StoredLayer, ...]) -> nn.Linear | None:
    """The layer that remains, if it is one and dense. Of several, as VGG has, the first does not see the features."""
    weights = [list(layer.weights.values()) for layer in rest if layer.weights]
    if len(weights) != 1 or [value.ndim for value in weights[0]] != [2, 1]:
        return None
    kernel, bias = (torch.from_numpy(value.astype("float32")) for value in weights[0])
    head = nn.Linear(*kernel.shape)
    head.load_state_dict({"weight": kernel.T, "bias": bias})
    return head.eval().requires_grad_(False)
