"""How fast a file answers beside the networks of its bundle: in turns, so that the machine is the same for both."""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence

import torch

from warmstart.data.schema import Sample
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
        slow, fast = list[float](), list[float]()
        end = time.perf_counter() + SECONDS
        while len(fast) < _FEWEST or (len(fast) < _MOST and time.perf_counter() < end):
            slow.append(_seconds(original))
            fast.append(_seconds(lambda: run(given)))
    return Speed(len(samples), 1000 * statistics.median(slow), 1000 * statistics.median(fast), len(fast))


def _original(wrapped: Wrapped, samples: list[Sample]) -> Callable[[], object]:
    """The networks as the bundle runs them, with the same inputs."""
    bundle = wrapped.bundle
    seen = in_words(samples) if bundle.manifest.task == "tag" else samples
    x = stacked([read(sample, bundle.spec) for sample in seen], bundle.spec)
    return lambda: bundle.task.combine([network(x).float() for network in bundle.networks])


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
