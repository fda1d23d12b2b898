"""The backbone contract: a chain, its output width, its preprocessing, and a card with the facts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from warmstart.model.chain import Chain
from warmstart.model.maps import Maps
from warmstart.preprocess.kinds import Spec, of_images
from warmstart.preprocess.spec import PreprocessSpec

if TYPE_CHECKING:
    from warmstart.model.text.language import LanguageHead


THEN = "; then "
"""Divides what weights were trained on, one after the other, in the words of a card."""


@dataclasses.dataclass(frozen=True)
class BackboneCard:
    """Facts that travel with the weights into every run, cache key and bundle."""

    name: str  # the URI it was asked for by: "lite0", "timm:resnet50.a1_in1k", "toy"
    architecture: str  # "tf_efficientnet_lite0"
    source: str  # where the weights came from, in words a person can follow
    licence: str  # of the weights, SPDX where there is one; "unknown" is said, not guessed
    trained_on: str  # "ImageNet-1k"; "nothing (random weights)"
    weights_sha256: str  # of the state dict as loaded, see `warmstart.model.weights.state_sha256`
    parameters: int
    min_size: int = 32  # smallest input side, pixels
    fixed_size: bool = False  # whether it takes inputs of the size of its preprocessing alone
    licence_accepted: bool = False  # whether the licence restricts the use, and the user said that they keep to it
    pooling: str = ""  # of a text model: how features of a text are made of those of its tokens

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form."""
        return dataclasses.asdict(self)

    @property
    def random(self) -> bool:
        """Whether the weights were never trained, neither by whoever made them nor by anybody since."""
        return self.trained_on.startswith("nothing") and THEN not in self.trained_on


@dataclasses.dataclass(frozen=True)
class FeatureGroup:
    """Columns `start` to `stop` of the features, and the block that they come from."""

    name: str
    start: int
    stop: int


@dataclasses.dataclass
class Backbone:
    """A pretrained network without its head. `chain(x)` gives pooled features of shape (n, out_features).

    `groups` partition the features where they come from several blocks (see `warmstart.model.taps`). `source_head` is
    the classifier that the weights were trained with, where it came along: features to `source_classes`, if these are
    known. It is no part of the backbone and is never trained. `source_weights` reads all tensors that the weights came
    with, for whoever needs more of them than the backbone; `language_head` the head of a language model among them
    (`warmstart.model.adapters.writing`). `structure` is what it takes, beside its URI, to build the architecture again
    without the file that it came from; only its supplier reads it. `maps` are what a row of features is made of where
    they are feature maps (`warmstart.model.pyramid`). `levels` name the cuts whose activations are the maps of some
    strides, where the head that the weights were trained with reads others than the usual ones.
    """

    chain: Chain
    out_features: int
    spec: Spec  # what it expects of an input
    card: BackboneCard
    source_head: nn.Linear | None = None
    groups: tuple[FeatureGroup, ...] = ()
    source_classes: tuple[str, ...] = ()
    structure: bytes = b""
    language_head: Callable[[], LanguageHead] | None = None
    source_weights: Callable[[], dict[str, Tensor]] | None = None
    maps: Maps | None = None
    levels: tuple[tuple[int, str], ...] = ()

    @property
    def preprocess(self) -> PreprocessSpec:
        """What it expects of an image. Raises `BackboneError` if it reads texts."""
        return of_images(self.spec)

    @property
    def pools(self) -> bool:
        """Whether it gives one row of features for each input, rather than one for each token or place."""
        return self.maps is None and len(self.chain.activation_shape(-1, self.spec.size)) == 1

    @property
    def module(self) -> nn.Module:
        """The underlying module; its parameter names are the supplier's own."""
        return self.chain.module

    def clone(self) -> Backbone:
        """A copy with weights of its own; the trace is shared, so this is cheap."""
        return dataclasses.replace(self, chain=self.chain.clone())
