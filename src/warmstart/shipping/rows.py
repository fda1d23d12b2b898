"""What is answered for each input, as plain rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from warmstart.data.schema import Sample
from warmstart.evaluation.conformal import sets
from warmstart.shipping.inference import Outputs
from warmstart.shipping.reference import Reference

Row = dict[str, Any]


def rows(
    samples: Sequence[Sample],
    outputs: Outputs,
    classes: Sequence[str],
    reference: Reference | None,
    coverage: float | None,
) -> list[Row]:
    """A row per sample, in order; see `Bundle.predict`. Raises `DataError` for a coverage that cannot be had."""
    blank: Row = {"label": None, "probability": None, "probabilities": None, "unknown": None, "distance": None}
    blank |= {} if coverage is None else {"set": None}
    answers = dict(zip(outputs.index.tolist(), _answers(outputs, classes, reference, coverage), strict=True))
    errors = {i: error.found for i, error in outputs.errors.items()}
    return [
        {"input": sample.id, **(answers.get(i) or blank), "error": errors.get(i)} for i, sample in enumerate(samples)
    ]


def _answers(
    outputs: Outputs, classes: Sequence[str], reference: Reference | None, coverage: float | None
) -> list[Row]:
    found: list[Row] = []
    for shares in outputs.logits.double().softmax(-1).tolist():
        best = max(range(len(shares)), key=shares.__getitem__)
        named = dict(zip(classes, shares, strict=True))
        found.append({"label": classes[best], "probability": shares[best], "probabilities": named})
        found[-1] |= {"unknown": None, "distance": None}
    if outputs.distances is not None and reference is not None and reference.bank is not None:
        for row, distance in zip(found, outputs.distances.tolist(), strict=True):
            row |= {"unknown": distance > reference.bank.threshold, "distance": distance}
    if coverage is not None and reference is not None and found:
        for row, inside in zip(found, sets(outputs.logits, reference.scores, coverage), strict=True):
            held = [name for name, there in zip(classes, inside, strict=True) if there]
            row["set"] = sorted(held, key=row["probabilities"].__getitem__, reverse=True)
    return found
