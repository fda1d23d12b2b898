"""What is done with a candidate of a `recommend`: it is looked at, scored, measured and tuned, here or in a worker."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warmstart.api.inputs.bands import measured as with_measured_bands
from warmstart.api.inputs.prepare import Loaded, read, run_data
from warmstart.api.inputs.reading import fitted, read_inputs
from warmstart.api.recommending.candidates import Wanted
from warmstart.api.recommending.finalists import Finalist, finalist
from warmstart.api.recommending.transferable import measured
from warmstart.data.schema import IntArray
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided, Event, Listener, silent
from warmstart.engine.from_data import learn_from
from warmstart.evaluation.recommendation import Ranked
from warmstart.model.backbone import Backbone
from warmstart.planning.plan import CacheLimits
from warmstart.preprocess.text import TextSpec
from warmstart.select.halving import Score, scored
from warmstart.select.view import Seen, View


@dataclasses.dataclass
class Looking:
    """The data, and the views of the candidates that were asked about. `loaded` are backbones that are there already.

    `budget` is in seconds, for everything.
    """

    wanted: Wanted
    data: RunData
    budget: float
    listener: Listener
    loaded: Mapping[str, Backbone] = dataclasses.field(default_factory=dict)
    _views: dict[str, View] = dataclasses.field(default_factory=dict)

    def look(self, uri: str, samples: int) -> Seen:
        """Load a candidate and measure how fast it is, where `samples` of them are to be looked at."""
        view = self._views[uri] = self._view(uri)
        view.measure(samples)
        return view.seen()

    def score(self, seen: Seen, indices: IntArray, full: bool) -> list[Score]:
        """How good its features are for the training samples at `indices`."""
        return scored(self._seen(seen), indices, full, self.wanted.seed)

    def measure(self, seen: Seen, row: Ranked) -> Ranked:
        """With its measures of transferability."""
        view = self._seen(seen)  # loads it, and with it the head it came with
        return measured(row, view, self.wanted.heads.get(seen.uri), self.wanted.seed)

    def tune(self, seen: Seen, seconds: float, most: float) -> Finalist | None:
        """As `warmstart.api.recommending.finalists.finalist` has it."""
        return finalist(self._seen(seen), seconds, most, seed=self.wanted.seed, listener=self.listener)

    def _seen(self, seen: Seen) -> View:
        """The view, made here where it was looked at elsewhere."""
        if seen.uri not in self._views:
            self._views[seen.uri] = self._view(seen.uri)
            self._views[seen.uri].settle(seen.speed, seen.choice)
        return self._views[seen.uri]

    def _view(self, uri: str) -> View:
        """The data as a backbone is to see them: bands normalised as they are, all else read anew."""
        size, backbone = self.wanted.size, self.loaded.get(uri) or self.wanted.load(uri)
        if backbone.spec.kind == "image":
            spec = with_measured_bands(backbone.preprocess, self.data.dataset, self.listener)
            return View(uri, dataclasses.replace(backbone, spec=spec), self.data, size)
        if size is not None and isinstance(backbone.spec, TextSpec):
            size = min(size, backbone.spec.limit)
        backbone = fitted(backbone, self.data.dataset)
        nothing = CacheLimits(total=0)
        store, _ = read_inputs(self.data.dataset, backbone, size, silent, limits=nothing, seconds=self.budget)
        data = dataclasses.replace(self.data, store=store, spec=store.spec)
        if backbone.spec.kind == "series":
            backbone = backbone.clone()
            learn_from(data, backbone, self.wanted.seed)
        return View(uri, backbone, data)


@dataclasses.dataclass(frozen=True)
class Errand:
    """One thing to do with a candidate: a method of `Looking`, and what it is given."""

    what: str
    uri: str
    given: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.uri} ({self.what})"

    def done(self, by: Looking) -> Any:
        """What comes of it."""
        return getattr(by, self.what)(*self.given)


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a worker makes its `Looking` of. `reference` is the backbone that the data are read for first."""

    data: Any
    reading: dict[str, Any]
    reference: str
    wanted: Wanted
    cache: str | Path | None
    limits: CacheLimits
    budget: float
    key: str = dataclasses.field(default_factory=lambda: uuid.uuid4().hex)
    """Of this call among those that a worker serves."""

    def read(self, reference: Backbone, listener: Listener) -> Loaded:
        """The data, as they are read for that backbone."""
        how = {**self.reading, "seconds": self.budget}
        return read(self.data, reference, listener=listener, cache=self.cache, limits=self.limits, **how)


_ready: dict[str, Looking] = {}


def work(asked: Asked, errand: Errand) -> tuple[Any, list[Decided]]:
    """Do an errand in a worker: what came of it, and what was decided. The data are read at the first, and kept."""
    heard = list[Decided]()

    def hear(event: Event) -> None:
        if isinstance(event, Decided):
            heard.append(event)

    if asked.key not in _ready:
        keep_buffers()
        _ready.clear()
        reference = asked.wanted.load(asked.reference)
        data = run_data(asked.read(reference, silent), asked.cache, asked.limits)
        _ready[asked.key] = Looking(asked.wanted, data, asked.budget, silent, {asked.reference: reference})
    looking = _ready[asked.key]
    looking.listener = hear
    return errand.done(looking), heard
