"""`torchvision:NAME`, `torchvision:NAME.WEIGHTS`: classifiers of torchvision without their last layer.

The features are what that layer reads: pooled activations, for VGG those of its second hidden layer. They are the same
as with timm, which has many of the same networks, and the layer is the backbone's `source_head`. Of a whole detector or
segmenter, `torchvision:fasterrcnn_resnet50_fpn`, it is the body (`warmstart.model.adapters.torchvision_whole`).
"""

from __future__ import annotations

import re
from typing import Any

import torchvision
from torch import Tensor, nn

from warmstart.errors import BackboneError, nearest
from warmstart.model.adapters.base import assemble, crop_share, drawn, seeded, smallest_size
from warmstart.model.adapters.torchvision_files import fetched
from warmstart.model.adapters.torchvision_whole import WHOLE, bodied, body, is_whole
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.preprocess.spec import PreprocessSpec

_FAMILIES = re.compile(
    "(vgg|resnet|resnext|wide_resnet|densenet|inception_v3|mobilenet|efficientnet|convnext|vit|swin|regnet|shufflenet)"
)
_HEADS = ("fc", "classifier", "heads", "head")
_DENSE = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)$")  # as torchvision itself renames them
_SWAG = "CC-BY-NC-4.0"  # where the entry points to SWAG's licence file, which is this


class TorchvisionSupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The network without its last layer, with the preprocessing of its weights' `transforms()`."""
        if is_whole(name):
            return bodied(name, pretrained=pretrained, seed=seed)
        entry = entry_of(name)
        module = _module(name, entry, seed)
        if pretrained:
            module.load_state_dict(_state(name, entry))
        head, spec, fixed = _behead(module), _spec(entry), name.startswith("vit_")
        card = BackboneCard(
            name=f"torchvision:{name}",
            architecture=name.partition(".")[0],
            source=f"torchvision {torchvision.__version__}, {entry.name}, {entry.url}; for the use of weights it "
            "refers to the terms of the data they were trained on",
            licence=licence_of(entry),
            trained_on=trained_on(entry),
            weights_sha256="",
            parameters=0,
            min_size=spec.size if fixed else smallest_size(module, spec),
            fixed_size=fixed,
        )
        if not pretrained:
            return assemble(module, spec, drawn(card, seed))
        return assemble(module, spec, card, source_head=head.eval().requires_grad_(False))

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The module with torchvision's default initialisation."""
        if is_whole(name):
            return body(name, seed=seed)
        module = _module(name, entry_of(name), seed)
        _behead(module)
        return module

    def licence(self, name: str) -> str:
        """See `licence_of`; torchvision states none for detectors and segmenters."""
        return "unknown" if is_whole(name) else licence_of(entry_of(name))


SUPPLIER = TorchvisionSupplier()


def names() -> list[str]:
    """The classifiers that are supplied; quantised ones are not."""
    return [name for name in torchvision.models.list_models(torchvision.models) if _FAMILIES.match(name)]


def entry_of(name: str) -> Any:
    """The entry of torchvision for the weights that a name means, which are the default where it names none."""
    network, _, wanted = name.partition(".")
    if network not in names():
        near = nearest(network, [*names(), *WHOLE])
        raise BackboneError(f"no network of torchvision is called {network!r}", do=f"the nearest: {near}")
    every = torchvision.models.get_model_weights(network)
    if not wanted:
        return every.DEFAULT
    there = {entry.name: entry for entry in every if entry.name != "IMAGENET1K_FEATURES"}  # these have no last layers
    if wanted not in there:
        raise BackboneError(
            f"torchvision has no weights called {name!r}", expected=f"one of {', '.join(there)}; none for its default"
        )
    return there[wanted]


def licence_of(entry: Any) -> str:
    """Licence of weights. Where torchvision states none it is unknown: BSD-3-Clause is that of torchvision's code."""
    return _SWAG if "license" in entry.meta else "unknown"


def trained_on(entry: Any) -> str:
    """Data sets, as torchvision names them."""
    return "3.6 billion Instagram images by hashtag, ImageNet-1k" if "SWAG" in entry.name else "ImageNet-1k"


def _module(name: str, entry: Any, seed: int) -> nn.Module:
    options: dict[str, Any] = {}
    if name.startswith("inception"):
        options = {"aux_logits": False, "transform_input": True, "init_weights": True}
    if name.startswith("vit"):
        options = {"image_size": entry.meta["min_size"][0]}
    with seeded(seed):
        module: nn.Module = torchvision.models.get_model(name.partition(".")[0], weights=None, **options)
    return module


def _state(name: str, entry: Any) -> dict[str, Tensor]:
    state = {_DENSE.sub(r"\1\2", key): value for key, value in fetched(name, entry.url).items()}
    return {key: value for key, value in state.items() if not key.startswith("AuxLogits.")}


def _behead(module: nn.Module) -> nn.Linear:
    """Take the last layer off, with the dropout before it, and return it."""
    place = next(name for name in _HEADS if hasattr(module, name))
    top = module.get_submodule(place)
    layers = list(top) if isinstance(top, nn.Sequential) else [top]
    head = layers.pop()
    assert isinstance(head, nn.Linear), f"{type(module).__name__} ends in a {type(head).__name__}"
    while layers and isinstance(layers[-1], nn.Dropout):
        layers.pop()
    setattr(module, place, top[: len(layers)] if layers and isinstance(top, nn.Sequential) else nn.Identity())
    return head


def _spec(entry: Any) -> PreprocessSpec:
    transforms = entry.transforms()
    (size,), (resized,) = transforms.crop_size, transforms.resize_size
    return PreprocessSpec(
        size=size,
        crop_pct=crop_share(size, resized),
        interpolation=transforms.interpolation.value,
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
    )
