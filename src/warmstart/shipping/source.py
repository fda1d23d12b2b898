"""`bundle:FOLDER`: the backbone of a bundle, to transfer from. What was trained on one set of data starts another run.

The head stays behind; where it tells classes by one linear layer, it is the backbone's `source_head`, as it is of
other pretrained weights. The card says what the weights were trained on, and from what they started.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import safetensors.torch
import torch
from torch import Tensor, nn

from warmstart.errors import BackboneError, BundleError
from warmstart.model.adapters.base import name_in_uri
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.catalog import load_backbone, untrained_module
from warmstart.model.head import LinearHead, build_head
from warmstart.model.uri import Uri
from warmstart.model.weights import state_sha256
from warmstart.preprocess.text import TOKENIZER, TextSpec
from warmstart.shipping.files import verified
from warmstart.shipping.manifest import STRUCTURE, Manifest, read_manifest
from warmstart.shipping.reading import spec_of

if TYPE_CHECKING:
    from warmstart.model.text.language import LanguageHead

_BACKBONE, _HEAD = "backbone.", "head."
_WRITES = "generate"


class BundleSupplier:
    """See `warmstart.model.adapters.base.Supplier`; the name is the folder of a bundle. Of an ensemble, the first."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The architecture with the weights that the bundle has; with random ones where it is not `pretrained`.

        Raises:
            BundleError: the folder is no bundle, or damaged.
        """
        folder = Path(name).expanduser()
        facts = read_manifest(folder)
        wanted = (facts.members[0].weights, STRUCTURE, TOKENIZER)
        files = {name: verified(folder, name, facts.files[name]) for name in wanted if name in facts.files}
        uri, structure = _plain(facts), files.get(STRUCTURE, b"")
        backbone = load_backbone(uri, pretrained=False, seed=seed, structure=structure)
        spec = spec_of(facts.preprocess, files)
        if isinstance(spec, TextSpec):
            spec = dataclasses.replace(spec, writes="", end=-1)
        if not pretrained:
            return dataclasses.replace(backbone, spec=spec)
        tensors = safetensors.torch.load(files[facts.members[0].weights])
        try:
            backbone.module.load_state_dict(_under(_BACKBONE, tensors))
        except RuntimeError as error:
            raise BundleError(f"{folder} does not fit its architecture {uri}: {error}") from error
        found = dataclasses.replace(backbone, spec=spec, card=_card(facts, backbone, keep_name=bool(structure)))
        if isinstance(spec, TextSpec):
            found.language_head = _writing_head(facts, tensors)
        return _with_classifier(found, facts, tensors)

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The architecture's own."""
        facts = read_manifest(Path(name).expanduser())
        structure = b""
        if STRUCTURE in facts.files:
            structure = verified(Path(name).expanduser(), STRUCTURE, facts.files[STRUCTURE])
        return untrained_module(_plain(facts), seed=seed, structure=structure)

    def licence(self, name: str) -> str:
        """That of the weights that the bundle's started from."""
        return read_manifest(Path(name).expanduser()).backbone.licence


SUPPLIER = BundleSupplier()


def continued(backbone: Backbone, facts: Manifest) -> Backbone:
    """The backbone of the first network of a bundle, taps and all, with a card that says what its weights come from."""
    card = _card(facts, backbone, keep_name=bool(backbone.structure))
    name = str(dataclasses.replace(Uri.of(card.name), taps=Uri.of(facts.backbone.name).taps))
    return dataclasses.replace(backbone, card=dataclasses.replace(card, name=name))


def _plain(facts: Manifest) -> str:
    """The name of the architecture as the bundle has it, without the taps, which are no part of it."""
    return str(dataclasses.replace(Uri.of(facts.backbone.name), taps=None))


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _card(facts: Manifest, backbone: Backbone, *, keep_name: bool) -> BackboneCard:
    """Where the weights come from. A bundle of frozen features has a backbone as it was pretrained, and so says this.

    The name is that of weights in a file: a bundle that is made of it names an architecture, never a place.
    """
    old, now = facts.backbone, state_sha256(backbone.module.state_dict())
    if now == old.weights_sha256:
        return dataclasses.replace(old, name=_plain(facts))
    uri = dataclasses.replace(Uri.of(_plain(facts)), pretrained=True)
    if not keep_name:
        path = uri.path.removeprefix("file:").partition("@")[0]
        file = name_in_uri(Path(f"{facts.data.replace('/', '_')}.bundle"))
        uri = dataclasses.replace(uri, scheme="file", name=f"{path}@{file}")
    several = f", network 1 of {len(facts.members)}" if len(facts.members) > 1 else ""
    before = "" if old.trained_on.startswith("nothing") else f"{old.trained_on}, then "
    return dataclasses.replace(
        old,
        name=str(uri),
        source=f"bundle of {facts.data} ({facts.members[0].recipe}{several}, {facts.created[:10]}), from {old.source}",
        trained_on=f"{before}{facts.data}",
        weights_sha256=now,
    )


def _writing_head(facts: Manifest, tensors: Mapping[str, Tensor]) -> Callable[[], LanguageHead]:
    """What gives the head of a bundle that writes; of another there is none, which is said when it is asked."""
    member = facts.members[0]
    if facts.task == _WRITES:
        return functools.partial(_filled, member.head, _under(_HEAD, tensors))

    def refused() -> NoReturn:
        raise BackboneError(
            f"the bundle of {facts.data} answers another question ({facts.task}): the head that writes is not in it",
            expected="a bundle of a model that writes, or the model itself",
            do=f"name the model that it started from: {facts.backbone.name}",
        )

    return refused


def _filled(config: dict[str, object], tensors: Mapping[str, Tensor]) -> LanguageHead:
    from warmstart.model.text.language import LanguageHead

    head = build_head(config)
    head.load_state_dict(tensors)
    assert isinstance(head, LanguageHead), "a bundle that writes has a head that does"
    return head


def _with_classifier(backbone: Backbone, facts: Manifest, tensors: Mapping[str, Tensor]) -> Backbone:
    """With the classifier of the bundle as `source_head`, where it is one linear layer on these features."""
    head = build_head(facts.members[0].head) if facts.task == "classify" else None
    if not isinstance(head, LinearHead) or head.linear.in_features != backbone.out_features:
        return backbone
    head.load_state_dict(_under(_HEAD, tensors))
    linear = nn.Linear(backbone.out_features, len(facts.classes))
    with torch.no_grad():  # linear((x - mean) / std) as one layer
        linear.weight.copy_(head.linear.weight / head.std)
        linear.bias.copy_(head.linear.bias - linear.weight @ head.mean)
    linear.eval().requires_grad_(False)
    return dataclasses.replace(backbone, source_head=linear, source_classes=facts.classes)
