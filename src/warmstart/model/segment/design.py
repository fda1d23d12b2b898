"""The decoders by name: which maps each reads, what options it has, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import nn

from warmstart.errors import RecipeError
from warmstart.model.maps import Maps
from warmstart.model.options import completed, parse
from warmstart.registry import Registry

DEFAULT = "unet"
Options = dict[str, Any]
"""Those of a decoder, by name: numbers, words, or several numbers."""


class Design(Protocol):
    """How a decoder is built."""

    name: str

    def defaults(self) -> Options:
        """Its options with their defaults. Raises `MissingExtraError` where its supplier is not installed."""
        ...

    def strides(self, options: Options) -> tuple[tuple[int, ...], ...]:
        """The strides of the maps that it reads, ascending; then what it can do with of a backbone that lacks some."""
        ...

    def output_stride(self, options: Options) -> int | None:
        """The stride beyond which the backbone is to be dilated rather than to halve its maps; `None`: not at all."""
        ...

    def ladder(self, maps: Maps) -> tuple[int | None, ...]:
        """Which stride is handed over at each place of the list of maps that the decoder takes, finest first; `None`
        where that place is not read.
        """
        ...

    def parts(self, maps: Maps, classes: int, options: Options) -> tuple[nn.Module, nn.Module]:
        """The decoder, a list of maps to one map, and what makes logits (n, classes, H, W) of that."""
        ...


designs: Registry[Design] = Registry("segmentation head", RecipeError)
for _name in (
    "unet",
    "unetplusplus",
    "manet",
    "linknet",
    "fpn",
    "pspnet",
    "pan",
    "upernet",
    "segformer",
    "deeplabv3",
    "deeplabv3plus",
):
    designs.add(_name, f"warmstart.model.segment.supplied:{_name.upper()}")
designs.add("fcn", "warmstart.model.segment.lastmap:FCN")
designs.add("deeplabv3_torchvision", "warmstart.model.segment.lastmap:DEEPLABV3")
designs.add("lraspp", "warmstart.model.segment.whole:LRASPP")
designs.add("segformer_transformers", "warmstart.model.segment.whole:SEGFORMER")


def design_of(text: str) -> tuple[Design, Options]:
    """The decoder that a head's name asks for, and all its options; of an empty text a U-Net.

    Raises:
        RecipeError: there is none of that name, or an option of it is unknown or does not fit.
        MissingExtraError: its supplier is not installed.

    >>> design, options = design_of("deeplabv3plus?output_stride=8")
    >>> design.strides(options)
    ((4, 8),)
    """
    name, given = parse(text or DEFAULT)
    design = designs[name]
    return design, options_of(design, given)


def options_of(design: Design, given: Mapping[str, object]) -> Options:
    """All options of a decoder, those `given` as text or as they are, in the types of their defaults; raises as
    `design_of`.
    """
    known = design.defaults()
    kinds = {key: tuple[int, ...] if isinstance(value, tuple) else type(value) for key, value in known.items()}
    return completed(design.name, given, known, kinds)
