"""How fast a file answers beside the networks of its bundle: in turns, so that the machine is the same for both."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import torch

from warmstart.data.schema import Sample
from warmstart.evaluation.timing import in_turns
from warmstart.exporting.base import Run
from warmstart.exporting.parity import feeds
from warmstart.exporting.wrapped import Wrapped
from warmstart.model.modes import evaluating
from warmstart.shipping.reading import read, stacked
from warmstart.shipping.words import in_words

BATCHES = (1, 8)
SECONDS = 1.0
"""For one batch size, about."""
_FEWEST, _MOST = 3, 50
"""Turns."""


@dataclasses.dataclass(frozen=True)
class Speed:
    """Medians of one batch size. Reading and decoding are not counted: they are the same for both."""

    batch: int
    original_ms: float
    exported_ms: float
    turns: int

    @property
    def times(self) -> float:
        """How many times as fast the file is."""
        return self.original_ms / self.exported_ms


def measure(wrapped: Wrapped, run: Run, samples: Sequence[Sample]) -> list[Speed]:
    """The speed of a file beside the original, by batch size; samples are repeated where there are fewer."""
    return [_beside(wrapped, run, [samples[i % len(samples)] for i in range(batch)]) for batch in BATCHES]


def _beside(wrapped: Wrapped, run: Run, samples: list[Sample]) -> Speed:
    given, original = feeds(wrapped, samples), _original(wrapped, samples)
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        for network in wrapped.bundle.networks:
            stack.enter_context(evaluating(network))
        original(), run(given)
        turns = in_turns(original, lambda: run(given), least=_FEWEST, most=_MOST, seconds=SECONDS)
    slow, fast = 1000 * np.median(turns, axis=0)
    return Speed(len(samples), float(slow), float(fast), len(turns))


def _original(wrapped: Wrapped, samples: list[Sample]) -> Callable[[], object]:
    """The networks as the bundle runs them, with the same inputs."""
    bundle = wrapped.bundle
    seen = in_words(samples) if bundle.manifest.task == "tag" else samples
    x = stacked([read(sample, bundle.spec) for sample in seen], bundle.spec)
    return lambda: bundle.task.combine([network(x).float() for network in bundle.networks])
