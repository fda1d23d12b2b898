"""One backbone's own view of the data: its size, its preprocessing, its features, and how long a sample takes it."""

from __future__ import annotations

import dataclasses

from torch import Tensor

from warmstart.cache.features import activations
from warmstart.cache.wanted import BATCH
from warmstart.data.pixels import PixelStore
from warmstart.data.schema import IntArray
from warmstart.data.stores import images_of
from warmstart.data.tokens import TokenStore
from warmstart.engine.data import RunData, pixel_budget
from warmstart.engine.extraction import Choice, choose
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.beside import CONTEXT
from warmstart.model.device import chosen
from warmstart.model.inputs import weight_of
from warmstart.model.network import Network
from warmstart.planning.cost import SpeedFacts
from warmstart.planning.profile import profile
from warmstart.planning.speed import measure_speed
from warmstart.preprocess.kinds import of_images
from warmstart.task.base import tasks

FEW_TOKENS = 64
"""Rounds that only drop read no less of a text."""
_SOME = 16
"""Images that the time to decode is measured on."""


@dataclasses.dataclass(frozen=True)
class Seen:
    """What is known of a view by those who do not have it: it may be in another process."""

    uri: str
    card: BackboneCard
    size: int
    gflops: float
    whole: float
    """Seconds a sample takes from its file to its features."""
    reduced: float
    """The same at half the size."""
    taps: int | None
    """How many earlier features stand beside the last ones; `None` for none."""
    speed: SpeedFacts
    choice: Choice

    def seconds(self, *, full: bool = True) -> float:
        """As `View.seconds`."""
        return self.whole if full else self.reduced


class View:
    """The data as one backbone is to see them, which is put on the device at hand.

    Args:
        uri: what the user calls it.
        backbone: may be tapped; what ranks it are its own features, the last group of columns.
        data: how images are framed is taken from it, and texts, which are there as the backbone's own tokens; its store
            of activations is read and filled.
        size: input side of images in pixels; by default the backbone's own.
    """

    def __init__(self, uri: str, backbone: Backbone, data: RunData, size: int | None = None) -> None:
        card = backbone.card
        store = _pixels(backbone, data, size) if isinstance(data.store, PixelStore) else data.store
        backbone.module.to(chosen())
        self.uri, self.backbone = uri, backbone
        self.data = RunData(data.dataset, data.split, store, store.spec, data.cache, data.limits, "torch", BATCH)
        least = FEW_TOKENS if isinstance(store, TokenStore) else max(card.min_size, backbone.spec.size // 2)
        self.half = self.size if card.fixed_size else min(self.size, max(least, self.size // 2))
        self.speed = SpeedFacts()
        self.choice = Choice("torch", {"torch": 1.0}, {})

    @property
    def size(self) -> int:
        """Input side in pixels, or tokens at most."""
        return self.data.spec.size

    @property
    def gflops(self) -> float:
        """1e9 operations for one image or a text of mean length, two per multiply-add."""
        return self._flops(self.size) / 1e9

    def measure(self, samples: int, *, seconds: float = 0.5) -> None:
        """Measure speed for about `seconds`, and choose what computes features where `samples` of them are worth it."""
        head = tasks[self.data.dataset.target.kind].head(self.backbone.out_features, self.data.dataset.target, seed=0)
        train = self.data.split.train
        sources = [self.data.dataset.samples[int(i)].source for i in train[:: max(1, len(train) // _SOME)]]
        head = head.to(weight_of(self.backbone.module).device)
        speed = measure_speed(Network(self.backbone, head), self.data.spec, seconds, sources=sources)
        choice = choose(self.backbone, self.data, samples, speed.flops / self._flops(self.size))
        self.settle(dataclasses.replace(speed, extraction=choice.gain), choice)

    def settle(self, speed: SpeedFacts, choice: Choice) -> None:
        """Take what was measured before, maybe elsewhere."""
        self.speed, self.choice = speed, choice
        self.data = choice.applied(self.data)

    def seen(self) -> Seen:
        """The facts of it, once it is measured."""
        groups = self.backbone.groups
        own = [group for group in groups if group.name != CONTEXT]  # what stands beside them, fit adds
        taps = len(own) - 1 if len(own) > 1 else None
        times = self.seconds(), self.seconds(full=False)
        return Seen(self.uri, self.backbone.card, self.size, self.gflops, *times, taps, self.speed, self.choice)

    def seconds(self, *, full: bool = True) -> float:
        """Seconds a sample takes from its file to its features, at half the size unless `full`."""
        flops = self._flops(self.size if full else self.half)
        return flops / (self.speed.flops * self.speed.extraction) + 1 / self.speed.images

    def features(self, indices: IntArray, *, full: bool) -> Tensor:
        """The backbone's own features (n, d) of the samples at `indices`; at half the size unless `full`.

        Those of all groups where the input stands beside them, as for forecasts.
        """
        wanted = self.data.wanted(self.backbone.chain, self.size if full else self.half)
        found, groups = activations(wanted, -1, indices), self.backbone.groups
        return found[:, groups[-1].start :] if groups and groups[0].name != CONTEXT else found

    def _flops(self, size: int) -> float:
        whole, store = profile(self.backbone, 0, len(self.backbone.chain.cuts) - 1, size).flops, self.data.store
        return whole * float(store.lengths.clip(max=size).mean()) / size if isinstance(store, TokenStore) else whole


def _pixels(backbone: Backbone, data: RunData, size: int | None) -> PixelStore:
    """The images as the backbone is to see them: those of `data`, where it sees the same."""
    own, card, shown = backbone.preprocess, backbone.card, of_images(data.spec)
    size = own.size if card.fixed_size or size is None else max(card.min_size, size)
    spec = dataclasses.replace(own, size=size, resize=shown.resize, decode=shown.decode)
    return (
        images_of(data.store)
        if data.store.spec == spec
        else PixelStore(data.dataset, spec, budget_bytes=pixel_budget())
    )
