"""int8: which samples its scales are taken from, which it is judged by, and what it may change."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch

from warmstart.data.schema import Sample
from warmstart.errors import ExportError
from warmstart.exporting.base import Run
from warmstart.exporting.parity import Parity, outputs
from warmstart.exporting.wrapped import Wrapped

FEWEST, MOST, JUDGED = 8, 128, 512
"""Samples: to take scales from, at least and at most; to judge by, at most."""
_BATCH = 8


@dataclasses.dataclass(frozen=True)
class Shares:
    """Samples by what they are for; none is for both."""

    calibrate: list[Sample]
    judge: list[Sample]

    @classmethod
    def of(cls, samples: Sequence[Sample], seed: int = 0) -> Shares:
        """A test part judges, where there is one; else samples are drawn, half and half.

        Raises:
            ExportError: there are too few.
        """
        order = [samples[i] for i in np.random.default_rng(seed).permutation(len(samples))]
        test = [sample for sample in order if sample.split == "test"]
        rest = [sample for sample in order if sample.split != "test"]
        many = min(MOST, len(rest) if test else len(rest) // 2)
        judge = (test or rest[many:])[:JUDGED]
        if many < FEWEST or len(judge) < FEWEST:
            raise ExportError(
                f"int8 from {len(samples)} samples",
                expected=f"at least {FEWEST} to take scales from, and {FEWEST} others to judge by",
                do="give more data: labels are not needed",
            )
        return cls(rest[:many], judge)


def batches(samples: Sequence[Sample]) -> list[Sequence[Sample]]:
    """Samples as they are calibrated on."""
    return [samples[start : start + _BATCH] for start in range(0, len(samples), _BATCH)]


def accuracy(wrapped: Wrapped, run: Run, samples: Sequence[Sample]) -> dict[str, float] | None:
    """The primary metric of labelled samples before (the bundle) and after (the file); `None` without labels.

    Raises `DataError` for labels that the bundle does not know.
    """
    bundle, task = wrapped.bundle, wrapped.bundle.task
    known = [sample for sample in samples if sample.label is not None]
    if not known or task.name in ("detect", "segment"):
        return None
    truth = bundle.targets(known)
    said = wrapped.exit.begin(outputs(wrapped, run, known, _BATCH))
    pair = {"before": bundle.outputs(known, batch_size=_BATCH).outputs, "after": said.to(torch.float32)}
    return {"n": len(known)} | {name: task.metrics(x, truth)[task.primary_metric] for name, x in pair.items()}


def refuse_changed(parity: Parity, most: float, metric: str) -> None:
    """Raise `ExportError` where int8 changes more answers than it may."""
    if parity.changed > most:
        raise ExportError(
            f"int8 changes {100 * parity.changed:.1f} % of the answers on {parity.samples} samples that its scales "
            f"were not taken from{metric}; the file was deleted",
            expected=f"at most {100 * most:g} %",
            do="leave int8 out, or allow it with max_changed (--max-changed)",
        )
