"""A backbone for other inputs than those it was trained on: more or fewer channels, another size.

It works on the module that any supplier gave. Only the weights of the input layer and the position embeddings change;
the network is traced anew, and its card has the options in its name and the hash of the weights as they now are.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import assemble, example_input
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.bands import Origins, origins, respecified
from warmstart.model.input_layer import inflate, input_layer, patch_size, redraw
from warmstart.model.series.channels import per_channel
from warmstart.model.series.inflation import Multichannel, rechannelled
from warmstart.model.uri import Uri
from warmstart.preprocess.series import SeriesSpec
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.text import TextSpec


def adapted(backbone: Backbone, wanted: Uri, *, drawn: int | None = None) -> Backbone:
    """The backbone for the channels and the size that `wanted` names; itself where it has them already.

    Its module is changed in place.

    Args:
        backbone: as its supplier gave it.
        wanted: of which `channels`, `bands`, `inflate` and `size` matter here.
        drawn: the seed, where the weights are random: those of the input layer are drawn anew.

    Raises:
        BackboneError: the network cannot take such inputs.

    >>> from warmstart.model.catalog import load_backbone
    >>> adapted(load_backbone("toy"), Uri("toy", channels=5)).preprocess.channels
    5
    """
    if isinstance(backbone.spec, TextSpec):
        return _of_texts(backbone, backbone.spec, wanted)
    if isinstance(backbone.spec, SeriesSpec):
        return _of_series(backbone, backbone.spec, wanted, drawn)
    if wanted.size is not None and wanted.size != backbone.preprocess.size:
        backbone = _resized(backbone, wanted.size)
    chosen = origins(backbone.preprocess, wanted)
    return backbone if chosen is None else _rechannelled(backbone, wanted, chosen, drawn)


def _of_texts(backbone: Backbone, spec: TextSpec, wanted: Uri) -> Backbone:
    """With another number of tokens; there is nothing else to adapt."""
    card, size = backbone.card, wanted.size
    if wanted.channels or wanted.bands:
        raise BackboneError(f"channels for {card.name!r}, which reads texts", do="leave ?channels and ?bands out")
    if size is None or size == spec.size:
        return backbone
    if not card.min_size <= size <= spec.limit:
        raise BackboneError(f"size {size} for {card.name!r}", expected=f"{card.min_size} to {spec.limit} tokens")
    return dataclasses.replace(backbone, spec=spec.with_size(size), card=_said(card, size=size))


def _of_series(backbone: Backbone, spec: SeriesSpec, wanted: Uri, drawn: int | None) -> Backbone:
    """With another number of steps, and of channels: as `warmstart.model.series.inflation` or `.channels` has it."""
    card, size, channels = backbone.card, wanted.size, wanted.channels
    if wanted.bands:
        raise BackboneError(f"bands for {card.name!r}, which reads series", do="say how many channels: ?channels=N")
    if size is not None and size != spec.size:
        most = spec.size if card.fixed_size else spec.limit or size
        if not (spec.size if card.fixed_size else card.min_size) <= size <= most:
            expected = f"{spec.size} steps" if card.fixed_size else f"{card.min_size} to {spec.limit} steps"
            raise BackboneError(f"size {size} for {card.name!r}", expected=expected, do="leave ?size out")
        backbone = dataclasses.replace(backbone, spec=spec.with_size(size), card=_said(card, size=size))
    if channels is None or channels == spec.channels:
        return backbone
    together = isinstance(backbone.module, Multichannel)
    found = rechannelled(backbone, channels, drawn) if together else per_channel(backbone, channels)
    return dataclasses.replace(found, card=_said(found.card, channels=channels))


def _rechannelled(backbone: Backbone, wanted: Uri, chosen: Origins, drawn: int | None) -> Backbone:
    spec, card = backbone.preprocess, backbone.card
    layer = input_layer(backbone.module, example_input(spec, card))
    if drawn is None:
        inflate(layer, chosen)
        card = dataclasses.replace(card, source=f"{card.source}; the first layer adapted from {spec.channels} channels")
    else:
        redraw(layer, len(chosen), drawn)
    card = _said(card, channels=wanted.channels, bands=wanted.bands, inflate=wanted.inflate)
    return _assembled(backbone, respecified(spec, wanted, chosen), card)


def _resized(backbone: Backbone, size: int) -> Backbone:
    """At another input size. A network of one size has its position embeddings resampled."""
    card, spec = backbone.card, backbone.preprocess
    if not card.fixed_size:
        if size < card.min_size:
            raise _too_small(card, size, card.min_size)
        return dataclasses.replace(backbone, spec=spec.with_size(size), card=_said(card, size=size))
    stride = patch_size(backbone.module, example_input(spec, card))
    if size % stride:
        raise BackboneError(
            f"size {size} for {card.name!r}, whose patches are {stride} pixels wide",
            expected=f"a multiple of {stride}: {max(2, size // stride) * stride} is one",
        )
    if size < 2 * stride:  # with one patch there is nothing to attend to
        raise _too_small(card, size, 2 * stride)
    try:
        _resample(backbone.module, size)
    except (AttributeError, AssertionError, ValueError, RuntimeError) as error:
        raise BackboneError(
            f"{card.name!r} takes images of {spec.size} pixels alone, and cannot be made to take {size}: {error}",
            do=f"leave the size out, or choose a backbone that takes any: {card.architecture} does not",
        ) from error
    return _assembled(backbone, spec.with_size(size), _said(dataclasses.replace(card, min_size=size), size=size))


def _resample(module: nn.Module, size: int) -> None:
    """Resample what depends on the size of the input, as the supplier of the module does it.

    timm's networks have a method for it, and so do modules of our own that need one.
    """
    from torchvision.models import VisionTransformer
    from torchvision.models.vision_transformer import interpolate_embeddings

    if isinstance(module, VisionTransformer):
        state = interpolate_embeddings(size, module.patch_size, module.state_dict())
        module.encoder.pos_embedding = nn.Parameter(state["encoder.pos_embedding"])
        module.seq_length, module.image_size = state["encoder.pos_embedding"].shape[1], size
    elif hasattr(module, "set_input_size"):
        module.set_input_size(img_size=(size, size))  # type: ignore[operator]
    else:
        raise AttributeError(f"{type(module).__name__} has no way to resample its position embeddings")


def _assembled(backbone: Backbone, spec: PreprocessSpec, card: BackboneCard) -> Backbone:
    try:
        new = assemble(backbone.module, spec, card)
    except (AssertionError, IndexError, RuntimeError, ValueError) as error:
        raise BackboneError(
            f"{card.name!r} does not run on {spec.channels} channels of {spec.size} pixels: {error}",
            do="use it with the channels and the size it was trained with",
        ) from error
    return dataclasses.replace(backbone, chain=new.chain, spec=spec, card=new.card, out_features=new.out_features)


def _said(card: BackboneCard, **options: Any) -> BackboneCard:
    """The card with options added to its name."""
    return dataclasses.replace(card, name=str(dataclasses.replace(Uri.of(card.name), **options)))


def _too_small(card: BackboneCard, size: int, smallest: int) -> BackboneError:
    return BackboneError(f"size {size} for {card.name!r}", expected=f"at least {smallest} pixels")
