"""`radimagenet:ARCHITECTURE@FILE`: networks trained on 1.35 million CT, MRI and ultrasound images (Mei et al. 2022).

Its authors give out Keras files (`RadImageNet-ResNet50_notop.h5`) and torch ones (`ResNet50.pt`). These are different
networks that were fed differently, and the ending of FILE says which is meant:

`.h5`: Keras' networks. The authors' examples (github.com/BMEII-AI/RadImageNet, `acl/acl_train.py`) prepare pixels by
Keras' `caffe` mode and then divide by 255, for all four alike: BGR in 0..1 minus the mean of ImageNet's pixels, and
nothing else. The filters are turned to read RGB.

`.pt`: torchvision's networks, of which the children stand in a sequence (`backbone.0.weight`), fed with -1..1
(`pytorch_example.ipynb` there). Images were read as BGR; they are grey, so that this changes nothing for them, and the
filters are turned here too. The features are torchvision's: for DenseNet those after its last ReLU.

Images were resized to 224 x 224, whatever their shape. The licence of that repository is MIT; it says nothing of the
weights, and the images are given out for research that is not commercial, which is what the card says.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn

from warmstart.errors import BackboneError, nearest
from warmstart.model.adapters.at_file import called, existing, split
from warmstart.model.adapters.base import assemble, drawn, seeded
from warmstart.model.adapters.keras import with_head
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.keras.architectures import CAFFE_MEAN, architecture
from warmstart.model.keras.loading import load, turn_channels
from warmstart.model.licence import RADIMAGENET
from warmstart.model.reconcile import load_state
from warmstart.model.weights import file_sha256, read_checkpoint
from warmstart.preprocess.spec import PreprocessSpec

_log = logging.getLogger(__name__)

ARCHITECTURES = ("resnet50", "densenet121", "inception_v3", "inception_resnet_v2")
_TORCH = ("resnet50", "densenet121", "inception_v3")
_PREFIX = "backbone."
_KERAS_SPEC = PreprocessSpec(224, "squash", interpolation="bilinear", mean=CAFFE_MEAN, std=(1.0, 1.0, 1.0))
_TORCH_SPEC = dataclasses.replace(_KERAS_SPEC, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


class RadImageNetSupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The network as FILE's ending says; without a file, Keras' one.

        Raises:
            BackboneError: no such architecture, no file, or one that does not fit; the first mismatch is named.
            MissingExtraError: a Keras file, and h5py is not installed.
        """
        wanted, file = split(name)
        in_torch = _in_torch(file)
        module = self.untrained(name, seed=seed)
        spec = _TORCH_SPEC if in_torch else _KERAS_SPEC
        uri, smallest = called("radimagenet", wanted, file), architecture(wanted).min_size
        card = BackboneCard(uri, wanted, "", RADIMAGENET, "RadImageNet", "", 0, smallest)
        if not pretrained:
            return assemble(module, spec, drawn(card, seed))
        path, head = existing(file, f"radimagenet:{wanted}"), None
        if in_torch:
            tensors = _by_child(module, read_checkpoint(path))
            found = load_state(module, tensors, origin=str(path), enough=1.0, nearest=_nearest)
            _log.info("%s: %s", path, found.text)
            turn_channels(module)
        else:
            module, head = load(wanted, path, bgr=True)
        card = dataclasses.replace(card, source=f"RadImageNet file {path.name}, sha256 {file_sha256(path)}")
        return with_head(assemble(module, spec, card), head)

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The network with the default initialisation of Keras, or of torchvision."""
        wanted, file = split(name)
        known = _TORCH if _in_torch(file) else ARCHITECTURES
        if wanted not in known:
            raise BackboneError(
                f"RadImageNet has no weights {Path(file).suffix or 'for'} {wanted!r}".replace("  ", " "),
                expected=f"one of {', '.join(known)}",
                do=f"the nearest: {nearest(wanted, known)}",
            )
        with seeded(seed):
            return _torchvision(wanted) if _in_torch(file) else architecture(wanted).build()

    def licence(self, name: str) -> str:
        """The terms of the data; none are stated for the weights."""
        return RADIMAGENET


SUPPLIER = RadImageNetSupplier()


def _in_torch(file: str) -> bool:
    return Path(file).suffix in (".pt", ".pth", ".safetensors")


def _torchvision(name: str) -> nn.Module:
    """A network of torchvision without its classifier, and without the second one of Inception."""
    options = {"aux_logits": False, "init_weights": False, "dropout": 0.0} if name == "inception_v3" else {}
    module: nn.Module = getattr(torchvision.models, name)(weights=None, **options)
    setattr(module, "classifier" if name == "densenet121" else "fc", nn.Identity())
    return module


def _by_child(module: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """`backbone.4.0.conv1.weight` is `layer1.0.conv1.weight`, as the fifth child of the network is `layer1`."""
    children = [name for name, _ in module.named_children()]
    out = dict[str, Tensor]()
    for name, tensor in state.items():
        index, _, rest = name.removeprefix(_PREFIX).partition(".")
        known = name.startswith(_PREFIX) and index.isdecimal() and int(index) < len(children)
        out[f"{children[int(index)]}.{rest}" if known else name] = tensor
    return out


def _nearest(state: Mapping[str, Tensor]) -> str:
    """The architecture that shares most shapes with a file."""
    shapes, shared = Counter[tuple[int, ...]](tensor.shape for tensor in state.values()), dict[str, float]()
    for name in _TORCH:
        with torch.device("meta"):
            own = Counter[tuple[int, ...]](tensor.shape for tensor in _torchvision(name).state_dict().values())
        shared[name] = (own & shapes).total() / (own | shapes).total()
    return f"radimagenet:{max(shared, key=shared.__getitem__)}"
