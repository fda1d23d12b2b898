"""Grad-CAM (Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based localization").

Equation 1: the weight of a channel is the mean over places of the score's gradient; equation 2: the map is what is
positive of the weighted sum of channels. Of an ensemble the sums of all members are added up before.

The activation is the last one with at least 7 x 7 places (or else the last with any): of a convolutional network its
last maps, of a transformer its tokens on their grid, in the last layer from which the score still reads them (where it
reads the class token alone, those of the last layer have no gradient). Of networks that read several blocks
(`warmstart.model.taps`) it is in the lowest of them, through which all that they read passes.

Of one box what speaks for it lies where it is, so the slopes are not averaged over places but weigh each place (Zhao et
al. 2022, "ODAM: gradient-based instance-specific visual explanations for object detection", eq. 3), in the maps of all
strides that a detector reads.

The paper takes the last maps, which for inputs of 224 pixels are 7 x 7. Of smaller images they are too coarse. Share of
the map that lay in a planted patch of 6 % of images of 128 pixels, by which alone 3 classes differed (logistic heads on
EfficientNet-Lite0, 12 images): 4 x 4 places .10, 8 x 8 .38; with three taps, 8 x 8 places, .47.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from warmstart.errors import DataError
from warmstart.explaining.asked import Asked, Pick
from warmstart.explaining.methods import Attributed, Method
from warmstart.model.adapters.base import example_input
from warmstart.model.backbone import Backbone
from warmstart.model.input_layer import patch_size
from warmstart.model.taps import positions
from warmstart.preprocess.kinds import Kind, of_images
from warmstart.preprocess.spec import PreprocessSpec

FINE = 7
"""Places along an edge that a map should have."""
_TRIES = 12
"""Activations that are looked at for one which the score reads."""
_MOST_BEFORE = 16
"""Tokens before those of places, at most: of the class, and registers."""


@dataclasses.dataclass(frozen=True)
class Places:
    """An activation of images with places: at which cut, and how it becomes (n, channels, side, side)."""

    cut: int
    axes: tuple[int, ...]
    before: int = 0
    side: int = 0

    def of(self, x: Tensor, backbone: Backbone) -> Tensor:
        """The maps (n, channels, side, side) of an activation, or of its gradient."""
        if not self.axes:  # a row of maps of several strides, the finest first
            assert backbone.maps is not None, "found so"
            maps = backbone.maps.unpack(x)
            return next((each for each in reversed(maps) if each.shape[-1] >= FINE), maps[0])
        if len(self.axes) == 1:
            tokens = x.movedim(self.axes[0], 1)[:, self.before :]
            return tokens.transpose(1, 2).reshape(len(x), -1, self.side, self.side)
        return x.movedim(self.axes, (2, 3))


def places_of(backbone: Backbone, size: int) -> list[Places]:
    """Activations with places for images of `size`, the last first, but behind the others those with too few places;
    none where the network cannot be cut, or reads something else.
    """
    chain = backbone.chain
    if not isinstance(backbone.spec, PreprocessSpec):
        return []
    if backbone.maps is not None:
        return [Places(len(chain.cuts) - 1, ())]
    other = size if backbone.card.fixed_size else 2 * size
    found: list[Places] = []
    for cut in range(len(chain.cuts) - 2, 0, -1):
        shape = chain.activation_shape(cut, size)
        larger = () if other == size else (chain.activation_shape(cut, other),)
        axes = positions(shape, *larger)
        if len(axes) == 2 and len(shape) == 3 and shape[axes[0] - 1] == shape[axes[1] - 1] > 1:
            found.append(Places(cut, axes, side=shape[axes[0] - 1]))
        elif len(axes) == 1 and len(shape) == 2 and (grid := _grid(backbone, shape[axes[0] - 1], size)) is not None:
            found.append(Places(cut, axes, *grid))
    return sorted(found, key=lambda place: place.side < FINE)


def _grid(backbone: Backbone, tokens: int, size: int) -> tuple[int, int] | None:
    """(tokens before those of places, places along an edge) of a transformer; `None` if the tokens are no grid."""
    side = size // patch_size(backbone.module, example_input(of_images(backbone.spec), backbone.card))
    if side < 2:
        side = math.isqrt(tokens)
    before = tokens - side**2
    return (before, side) if 0 <= before <= _MOST_BEFORE else None


class GradCam:
    """See the module docstring."""

    kinds: tuple[Kind, ...] = ("image",)
    gradients = True

    @property
    def coarser(self) -> Method | None:
        """None: it is one pass."""
        return None

    def passes(self, asked: Asked, x: Tensor) -> int:
        """One with its gradient."""
        return 3

    def attribute(self, asked: Asked, chosen: Pick, x: Tensor) -> Attributed:
        """The map of one image (1, C, size, size), at its size."""
        facts = asked.networks[0].facts
        places = places_of(facts, x.shape[-1])
        if not places:
            raise DataError(
                f"{facts.card.name!r} has no maps to explain its answers by"
                + (f": {facts.chain.why_uncut}" if facts.chain.why_uncut else ""),
                do="take the method integrated_gradients or occlusion",
            )
        for place in places[:_TRIES]:
            found = self._at(place, asked, chosen, x)
            if found is not None:
                large = functional.interpolate(found, size=x.shape[-2:], mode="bilinear", align_corners=False)
                return Attributed(large[0, 0].numpy())
        return Attributed(torch.zeros(x.shape[-2:]).numpy())  # the score is flat here: nothing speaks for it

    def _at(self, place: Places, asked: Asked, chosen: Pick, x: Tensor) -> Tensor | None:
        """The map (1, 1, side, side); `None` where the score does not read these places."""
        with torch.no_grad():
            activations = [each.detach() for each in asked.at(place.cut, x)]
        with torch.enable_grad():
            for each in activations:
                each.requires_grad_(True)
            score = chosen.score(asked.outputs_from(place.cut, activations)).sum()
            gradients = torch.autograd.grad(score, activations) if score.requires_grad else ()
        total: Tensor | None = None
        if asked.local:
            return self._local(asked, activations, gradients, x.shape[-1])
        for network, activation, gradient in zip(asked.networks, activations, gradients, strict=bool(gradients)):
            slopes = place.of(gradient.nan_to_num(), network.facts)
            if bool(slopes.any()):
                maps = place.of(activation.detach(), network.facts)
                one = (slopes.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True)
                total = one if total is None else total + one
        return None if total is None else total.clamp_min(0).float()

    @staticmethod
    def _local(asked: Asked, activations: Sequence[Tensor], gradients: Sequence[Tensor], size: int) -> Tensor | None:
        """The map (1, 1, size, size) of what lies at one place, of packed maps of several strides."""
        total = torch.zeros(1, 1, size, size)
        for network, activation, gradient in zip(asked.networks, activations, gradients, strict=bool(gradients)):
            levels = network.facts.maps
            assert levels is not None, "detectors read such maps"
            slopes = levels.unpack(gradient.nan_to_num())
            for slope, maps in zip(slopes, levels.unpack(activation.detach()), strict=True):
                one = (slope * maps).sum(1, keepdim=True).clamp_min(0).float()
                total += functional.interpolate(one, size=(size, size), mode="bilinear", align_corners=False)
        return total if bool(total.any()) else None


GRADCAM = GradCam()
"""The one instance; it holds no state."""
