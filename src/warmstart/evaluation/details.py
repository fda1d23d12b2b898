"""What is told of a model beside its metrics, as the task has it: classes, kinds of entities, the worst answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from warmstart.data.futures import ForecastTarget
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Sample
from warmstart.data.targets import Label, NumberTarget, Target, parts_of
from warmstart.data.tasklabels import TaskLabels
from warmstart.evaluation.anomalies import of_anomalies
from warmstart.evaluation.calibration import reliability
from warmstart.evaluation.cells import cell_samples
from warmstart.evaluation.compare import metric_intervals
from warmstart.evaluation.foreseen import foreseen
from warmstart.evaluation.metrics import confusion, most_wrong, per_class
from warmstart.evaluation.outcome import OfTask, Shown
from warmstart.evaluation.scenes import of_scenes
from warmstart.task.base import Task, is_known
from warmstart.task.forecast import Forecasting
from warmstart.task.segment import Segment
from warmstart.task.several import Part, Several
from warmstart.task.tag import Tag

WORST, DRAWN, POINTS = 16, 8, 500


def details(
    task: Task, outputs: Tensor, targets: Tensor, samples: Sequence[Sample], target: Target, temperature: float = 1.0
) -> dict[str, Any]:
    """Fields of an `Outcome` beyond its metrics, of outputs (n, ...) for `samples`; without thumbnails and texts."""
    if task.name == "classify":
        return of_classes(outputs, targets, [sample.id for sample in samples], target.classes, temperature)
    if isinstance(task, Forecasting) and isinstance(target, ForecastTarget):
        return {"forecasts": foreseen(task, outputs, targets, samples, target)}
    if isinstance(target, BoxTarget | MaskTarget):
        return of_scenes(task, outputs, targets, samples, target)
    if isinstance(task, Several):
        return {"by_task": tuple(_of_task(part, outputs, targets, samples) for part in task.parts)}
    if task.name == "anomaly":
        return of_anomalies(outputs, targets, samples, target)
    found: dict[str, Any] = {"shown": _shown(task, outputs, targets, samples, target)}
    if isinstance(task, Tag):
        found["per_class"] = task.by_kind(outputs, targets)
    if isinstance(task, Segment):
        found["per_class"] = task.by_class(outputs, targets, target.classes)
    if task.name == "multilabel":
        found["per_class"] = _by_label(outputs, targets, target.classes)
    if isinstance(target, NumberTarget):
        found["pairs"] = _pairs(outputs, targets, target)
    return found


def _of_task(part: Part, outputs: Tensor, targets: Tensor, samples: Sequence[Sample]) -> OfTask:
    """What is told of one of several tasks, of the samples whose label of it is known."""
    known = part.known(targets)
    facts: dict[str, Any] = {"name": part.name, "task": part.target.kind, "classes": part.target.classes}
    facts |= {"metric": part.task.primary_metric, "known": int(known.sum())}
    if not bool(known.any()):
        return OfTask(**facts, metrics={})
    own, truth = part.own(outputs, targets)
    mine = [
        dataclasses.replace(sample, label=cast(TaskLabels, sample.label)[part.name])
        for sample, yes in zip(samples, known.tolist(), strict=True)
        if yes
    ]
    found = details(part.task, own, truth, mine, part.target)
    return OfTask(**facts, metrics=metric_intervals(part.task, own, truth), **found)


def of_classes(
    logits: Tensor, labels: Tensor, ids: Sequence[str], classes: Sequence[str], temperature: float = 1.0
) -> dict[str, Any]:
    """Confusions, classes, calibration, mistakes."""
    counts, calibrated = confusion(logits, labels), logits / temperature
    return {
        "confusion": tuple(tuple(int(n) for n in row) for row in counts),
        "per_class": per_class(counts, classes),
        "reliability_before": reliability(logits, labels),
        "reliability_after": reliability(logits, labels, temperature=temperature),
        "mistakes": most_wrong(calibrated, labels, ids, classes),
        "cells": cell_samples(calibrated, labels, ids),
    }


def in_words(label: Label | None) -> str:
    """A label as a person reads it.

    >>> in_words(("sport", "news")), in_words((2.5,)), in_words(()), in_words("cat")
    ('sport, news', '2.5', 'none', 'cat')
    """
    if isinstance(label, TaskLabels):
        said = zip(label.tasks, map(in_words, label.values), strict=True)
        return "; ".join(f"{task} {words}" for task, words in said if words)
    if label is None or isinstance(label, str):
        return label or ""
    return ", ".join(part if isinstance(part, str) else f"{part:.4g}" for part in parts_of(label)) or "none"


def _shown(
    task: Task, outputs: Tensor, targets: Tensor, samples: Sequence[Sample], target: Target
) -> tuple[Shown, ...]:
    """The answers that surprised most, and some drawn at random; of samples whose label is known."""
    known = [i for i, sample in enumerate(samples) if sample.label is not None]
    surprise = task.values(outputs[known], targets[known])[task.surprise].tolist()
    order = sorted(range(len(known)), key=lambda k: -surprise[k])
    worst = order[:WORST]
    rest = np.random.default_rng(0).permutation(order[WORST:])[:DRAWN].tolist()
    picked = [known[k] for k in (*worst, *rest)]
    pairs = _in_words(task, outputs[picked], targets[picked], [samples[i] for i in picked], target)
    return tuple(
        Shown(samples[i].id, true, said, surprise[k], k in worst)
        for i, k, (true, said) in zip(picked, (*worst, *rest), pairs, strict=True)
    )


def _in_words(
    task: Task, outputs: Tensor, targets: Tensor, samples: Sequence[Sample], target: Target
) -> list[tuple[str, str]]:
    """What is true of each sample, and what was answered."""
    if isinstance(task, Tag):
        texts = [sample.source for sample in samples]
        truth = functional.one_hot(targets.clamp_min(0), len(target.classes)).float()
        true, said = (task.decode(task.by_word(each, targets), target, texts) for each in (truth, outputs))
        return [(task.in_words(a), task.in_words(b)) for a, b in zip(true, said, strict=True)]
    answers = task.decode(outputs, target)
    return [(in_words(sample.label), in_words(_answer(task, a))) for sample, a in zip(samples, answers, strict=True)]


def _answer(task: Task, decoded: dict[str, Any]) -> Label:
    if task.name == "generate":
        return ""  # what is written is not known from one pass: see `warmstart.api.finishing.written`
    found = decoded[task.fields[0]]
    if isinstance(found, float):
        return tuple(decoded["values"].values())
    return found if isinstance(found, str) else tuple(found)


def _by_label(outputs: Tensor, targets: Tensor, classes: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """Precision, recall, F1 and number of samples of each label; `None` where there is nothing to divide by."""
    known = is_known(targets)
    truth, said = targets[known] > 0.5, outputs[known] > 0
    hits, held, given = ((truth & said).sum(0), truth.sum(0), said.sum(0))
    return tuple(
        {
            "name": name,
            "precision": int(hits[i]) / int(given[i]) if given[i] else None,
            "recall": int(hits[i]) / int(held[i]) if held[i] else None,
            "f1": 2 * int(hits[i]) / int(held[i] + given[i]) if held[i] else None,
            "count": int(held[i]),
        }
        for i, name in enumerate(classes)
    )


def _pairs(outputs: Tensor, targets: Tensor, target: NumberTarget) -> tuple[tuple[float, float], ...]:
    """(true, answered) of the first number, in the user's unit, of 500 samples at most."""
    both = torch.stack([targets[:, 0], outputs[:, 0]], 1).double() * target.scale[0] + target.centre[0]
    both = both[~both.isnan().any(1)]
    few = np.random.default_rng(0).permutation(len(both))[:POINTS]
    return tuple((float(a), float(b)) for a, b in both[torch.from_numpy(few)].tolist())
