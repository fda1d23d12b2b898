"""Whether a file answers as the bundle does: on real samples, read as the bundle reads them, at two batch sizes.

The bundle answers on its own way, batch size and all; nothing of the graph is used for what the graph is held against.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from warmstart.data.schema import Sample
from warmstart.errors import ExportError, WarmstartError
from warmstart.evaluation.predict import joined
from warmstart.exporting.base import Run
from warmstart.exporting.entrances import Feeds, tensors
from warmstart.exporting.wrapped import Wrapped, answer
from warmstart.shipping.words import in_words, of_words

BATCHES = (1, 3)
"""Sizes that are tried: a graph that was made for one number of inputs fails at the other."""
SHIFT = 0.1
"""An answer that is a number has changed where it moves by more than this share of its standard deviation."""


@dataclasses.dataclass(frozen=True)
class Parity:
    """What was found."""

    samples: int
    errors: dict[int, float]
    """Largest difference from the bundle's answers, by batch size."""
    changed: float
    """Share of the answers (labels; tags of words, classes of pixels, numbers) that are other than the bundle's."""

    @property
    def error(self) -> float:
        """The largest."""
        return max(self.errors.values())


def readable(wrapped: Wrapped, samples: Sequence[Sample]) -> list[Sample]:
    """Those that can be read."""

    def opens(sample: Sample) -> bool:
        try:
            wrapped.entry.read(sample)
        except WarmstartError:
            return False
        return True

    return [sample for sample in samples if opens(sample)]


def feeds(wrapped: Wrapped, samples: Sequence[Sample]) -> Feeds:
    """Inputs of the graph for some samples. Raises `WarmstartError` for one that cannot be read."""
    samples = in_words(samples) if wrapped.bundle.manifest.task == "tag" else samples
    return wrapped.entry.feeds([wrapped.entry.read(sample) for sample in samples])


def outputs(wrapped: Wrapped, run: Run, samples: Sequence[Sample], batch: int) -> Tensor:
    """What a file gives for samples (n, ...), in batches of exactly `batch`; of tags by word."""
    parts: list[Tensor] = []
    for start in range(0, len(samples), batch):
        some = samples[start : start + batch]
        full = [some[i % len(some)] for i in range(batch)]
        parts.append(torch.from_numpy(run(feeds(wrapped, full)))[: len(some)])
    found = joined(parts)
    if wrapped.bundle.manifest.task == "tag":
        found = of_words(found, in_words(samples), wrapped.bundle.spec)
    return found


def expected(wrapped: Wrapped, samples: Sequence[Sample], batch: int) -> Tensor:
    """What it should give: the bundle's own answers; of boxes, which it thins, those before that, by torch itself."""
    bundle = wrapped.bundle
    if bundle.manifest.task == "detect":
        return outputs(wrapped, lambda given: answer(wrapped.module, tensors(given)).numpy(), samples, batch)
    found = bundle.outputs(samples, batch_size=batch)
    for error in found.errors.values():
        raise error
    return wrapped.exit.finish(found.outputs)


def compare(wrapped: Wrapped, run: Run, samples: Sequence[Sample], batches: Sequence[int] = BATCHES) -> Parity:
    """A file against its bundle.

    Raises:
        ExportError: the file cannot be run on such a batch, in the words of its runtime, or gives another shape.
    """
    errors: dict[int, float] = {}
    changed = 0.0
    for batch in batches:
        want = expected(wrapped, samples, batch)
        try:
            got = outputs(wrapped, run, samples, batch)
        except WarmstartError:
            raise
        except Exception as error:  # runtimes raise what they like
            raise ExportError(f"the exported file cannot answer a batch of {batch}: {error}") from error
        if got.shape != want.shape:
            shapes = f"{tuple(got.shape)} rather than {tuple(want.shape)}"
            raise ExportError(f"the exported file answers a batch of {batch} with {shapes}")
        errors[batch] = _error(wrapped, got, want)
        changed = max(changed, _changed(wrapped, got, want))
    return Parity(len(samples), errors, changed)


def _error(wrapped: Wrapped, got: Tensor, want: Tensor) -> float:
    """Largest difference; of large numbers in proportion. Infinite where only one of two is a number."""
    got, want = (wrapped.exit.compared(x).double() for x in (got, want))
    if bool((got.isnan() != want.isnan()).any()):
        return float("inf")
    got, want = got.nan_to_num(), want.nan_to_num()
    return float(((got - want).abs() / want.abs().clamp_min(1.0)).max())


def _changed(wrapped: Wrapped, got: Tensor, want: Tensor) -> float:
    here, there = wrapped.exit.told(got), wrapped.exit.told(want)
    if here is not None and there is not None:
        return float((here != there).double().mean())
    here, there = (wrapped.exit.compared(x).double() for x in (got, want))
    return float(((here - there).abs() > SHIFT).double().mean())


def refuse_other(parity: Parity, tolerance: float, what: str) -> None:
    """Raise `ExportError` that says by how much, and at which batch size, a file answers otherwise than its bundle."""
    batch = max(parity.errors, key=parity.errors.__getitem__)
    if not parity.error <= tolerance:  # written so that NaN is a difference
        raise ExportError(
            f"{what} answers otherwise than the bundle: by up to {parity.error:.2g} in batches of {batch}, on "
            f"{parity.samples} samples; the file was deleted",
            expected=f"at most {tolerance:g}",
            do="export in another format, or use the bundle itself",
        )
