"""What is answered for each input, as plain rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from warmstart.data.futures import Window
from warmstart.data.schema import Sample
from warmstart.data.targets import Target
from warmstart.evaluation.conformal import sets
from warmstart.shipping.inference import Outputs
from warmstart.shipping.reference import Reference
from warmstart.task.base import Task
from warmstart.task.forecast import Forecasting
from warmstart.task.several import Several
from warmstart.task.tag import Tag

Row = dict[str, Any]


def rows(
    samples: Sequence[Sample],
    outputs: Outputs,
    task: Task,
    target: Target,
    reference: Reference | None,
    coverage: float | None,
) -> list[Row]:
    """A row per sample, in order; see `Bundle.predict`. Raises `DataError` for a coverage that cannot be had."""
    blank: Row = dict.fromkeys((*task.fields, "unknown", "distance"))
    blank |= {} if coverage is None else {"set": None}
    answers = dict(
        zip(outputs.index.tolist(), _answers(samples, outputs, task, target, reference, coverage), strict=True)
    )
    errors = {i: error.found for i, error in outputs.errors.items()}
    return [
        {"input": sample.id, **(answers.get(i) or blank), "error": errors.get(i)} for i, sample in enumerate(samples)
    ]


def _answers(
    samples: Sequence[Sample],
    outputs: Outputs,
    task: Task,
    target: Target,
    reference: Reference | None,
    coverage: float | None,
) -> list[Row]:
    found = [{**answer, "unknown": None, "distance": None} for answer in _decoded(samples, outputs, task, target)]
    if outputs.distances is not None and reference is not None and reference.bank is not None:
        for row, distance in zip(found, outputs.distances.tolist(), strict=True):
            row |= {"unknown": distance > reference.bank.threshold, "distance": distance}
    if coverage is not None and reference is not None and reference.scores is not None and found:
        for row, inside in zip(found, sets(outputs.outputs, reference.scores, coverage), strict=True):
            held = [name for name, there in zip(target.classes, inside, strict=True) if there]
            row["set"] = sorted(held, key=row["probabilities"].__getitem__, reverse=True)
    return found


def _decoded(samples: Sequence[Sample], outputs: Outputs, task: Task, target: Target) -> list[Row]:
    """What the task makes of outputs; of classes the probabilities of all of them, in their order."""
    if not len(outputs.index):  # none could be read, and there are no outputs to make anything of
        return []
    if isinstance(task, Tag):
        return list(task.decode(outputs.outputs, target, [samples[int(i)].source for i in outputs.index]))
    if isinstance(task, Forecasting):
        return list(task.decode(outputs.outputs, target, [window_of(samples[int(i)].source) for i in outputs.index]))
    if isinstance(task, Several):
        own = [
            _decoded(samples, dataclasses.replace(outputs, outputs=outputs.outputs[:, p.outputs]), p.task, p.target)
            for p in task.parts
        ]
        names = [part.name for part in task.parts]
        return [{"answers": dict(zip(names, row, strict=True))} for row in zip(*own, strict=True)]
    if task.name != "classify":
        return list(task.decode(outputs.outputs, target))
    found: list[Row] = []
    for shares in outputs.outputs.double().softmax(-1).tolist():
        best = max(range(len(shares)), key=shares.__getitem__)
        named = dict(zip(target.classes, shares, strict=True))
        found.append({"label": target.classes[best], "probability": shares[best], "probabilities": named})
    return found


def window_of(source: Any) -> Window:
    """What a forecast is made from; of a series in memory all of it is the past."""
    if isinstance(source, Window):
        return source
    values = np.asarray(source.values, dtype=np.float64)
    return Window(values, past=values[0], step=values.shape[1])


def withheld(row: Row, least: float) -> Row:
    """A row of a class without its label where its probability is below `least`; `abstained` says it.

    >>> withheld({"label": "cat", "probability": 0.7, "error": None}, 0.8)
    {'label': None, 'probability': 0.7, 'abstained': True, 'error': None}
    """
    abstained = None if row["error"] is not None else row["probability"] < least
    error = {"error": row["error"]}  # it stays the last
    found = {key: value for key, value in row.items() if key != "error"} | {"abstained": abstained} | error
    return found | {"label": None} if abstained else found


def by_task(row: dict[str, Any]) -> dict[str, Any]:
    """A row with the answers of several tasks as one with a column for each: its answer, and how likely a class is.

    >>> by_task({"input": "a.png", "answers": {"kg": {"value": 4.5}, "kind": {"label": "cat", "probability": 0.9}}})
    {'input': 'a.png', 'kg': 4.5, 'kind': 'cat', 'kind probability': 0.9}
    """
    found: dict[str, Any] = {}
    for key, value in row.items():
        if key != "answers":
            found[key] = value
            continue
        for task, answer in (value or {}).items():
            found[task] = next(iter(answer.values()))
            found |= {f"{task} probability": answer["probability"]} if "probability" in answer else {}
    return found
