"""What there is to say of labels, for each kind of target: in numbers, and in words where it stands in the way."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from warmstart.data.entities import OUTSIDE, Scheme
from warmstart.data.futures import ForecastTarget
from warmstart.data.names import some
from warmstart.data.onetask import one_task
from warmstart.data.scenefacts import box_facts, box_problems, mask_facts, mask_problems, same_annotations
from warmstart.data.schema import Dataset, Sample
from warmstart.data.several import SeveralTarget
from warmstart.data.targets import TaskName

Facts = dict[str, Any]
FAR = 5.0
"""Robust standard deviations from the median; a number farther away is named."""
FEW_ENTITIES = FEW_OF_A_CLASS = 5
MANY = 0.5
"""Share of the samples; one number that so many have, or no label at all, is named."""
_SHOWN = 50
_SETS = 20
_SIGMA = 1.4826
"""Standard deviations in a median absolute deviation, of a normal distribution."""


def label_facts(dataset: Dataset) -> Facts:
    """What is known of the labels of a data set beside the counts, in plain JSON-able form; nothing of classes.

    >>> from warmstart.data.sources import load
    >>> found = label_facts(load((["It rains.", "It is dry.", "Sun!"], [["wet"], [], ["dry", "warm"]])))
    >>> found["per_sample"], found["most"], found["none"]
    (1.0, 2, 1)
    """
    known = [sample for sample in dataset.samples if sample.label is not None]
    kind, classes = dataset.target.kind, dataset.target.classes
    if not known or kind in ("classify", "anomaly"):
        return {}
    if kind == "regress":
        return _of_numbers(known, classes)
    if kind == "tag":
        return _of_tags(known, classes)
    if kind in ("detect", "segment"):
        return (box_facts if kind == "detect" else mask_facts)(known, classes)
    if isinstance(dataset.target, SeveralTarget):
        return {name: _of_task(one_task(dataset, name)) for name in dataset.target.names}
    if isinstance(dataset.target, ForecastTarget):
        series = {sample.id.rpartition("@")[0] for sample in known}
        return {"series": len(series), **dataset.target.to_dict()}
    return _of_sets(known) if kind == "multilabel" else _of_texts(known)


def label_problems(task: TaskName, facts: Facts, samples: int) -> list[str]:
    """What a person should know of the labels before training."""
    found = []
    for name, of in facts.items() if task == "several" else ():
        found += [f"{name}: {problem}" for problem in label_problems(of["task"], of["facts"], of["known"])]
        if few := [f"{kind} ({n})" for kind, n in of["counts"].items() if n < FEW_OF_A_CLASS]:
            found.append(f"{name}: fewer than {FEW_OF_A_CLASS} samples: {some(few)}")
    if task == "multilabel" and facts and facts["none"] > MANY * samples:
        found.append(f"{facts['none']} of {samples} samples have none of the labels")
    for name, of in facts.items() if task == "regress" else ():
        if of["outlier_count"]:
            shown = some([f"{sample} ({value:g})" for sample, value in of["outliers"]], 3)
            found.append(
                f"{of['outlier_count']} value(s) of {name} are more than {FAR:g} robust standard deviations from the "
                f"median {of['median']:g}: {shown}"
            )
        if of["repeated"]["samples"] > MANY * samples:
            found.append(
                f"{of['repeated']['samples']} of {samples} samples have the {name} {of['repeated']['value']:g}"
            )
    if task == "tag" and facts:
        if facts["malformed"]:
            found.append(f"{facts['malformed_count']} text(s) have tags that do not fit: {some(facts['malformed'], 3)}")
        if few := [f"{name} ({n})" for name, n in facts["entities"].items() if n < FEW_ENTITIES]:
            found.append(f"fewer than {FEW_ENTITIES} entities: {some(few)}")
    if task in ("detect", "segment") and facts:
        found += (box_problems if task == "detect" else mask_problems)(facts)
    if task == "generate" and facts:
        if facts["empty"]:
            found.append(f"{facts['empty_count']} text(s) to be written are empty: {some(facts['empty'], 3)}")
        if facts["same"]:
            found.append(
                f"{facts['same_count']} text(s) to be written are the same as their input: {some(facts['same'], 3)}"
            )
        if samples > 1 and facts["different"] == 1:
            found.append("all texts to be written are the same: there is nothing to learn")
    return found


def conflicting_labels(dataset: Dataset, samples: Sequence[Sample]) -> bool:
    """Whether copies of one input have labels that cannot all be right; numbers may differ by a tenth of their spread.

    >>> from warmstart.data.sources import load
    >>> data = load((["It rains.", "it rains.", "Sun!"], [["wet"], ["wet", "cold"], []]))
    >>> conflicting_labels(data, data.samples[:2])
    True
    """
    labels = [sample.label for sample in samples if sample.label is not None]
    if isinstance(dataset.target, SeveralTarget):
        few = dataclasses.replace(dataset, samples=tuple(samples))
        each = [one_task(few, name) for name in dataset.target.names]
        return any(conflicting_labels(one, one.samples) for one in each)
    if dataset.target.kind == "regress":
        apart = np.ptp(dataset.target.encode(labels), axis=0) if labels else np.zeros(1)  # in standard deviations
        return bool((apart > 0.1).any())
    if dataset.target.kind == "forecast":  # the same past may go on in several ways
        return False
    if dataset.target.kind in ("detect", "segment"):
        return not same_annotations([sample for sample in samples if sample.label is not None])
    if dataset.target.kind == "generate":
        return len({" ".join(str(label).split()) for label in labels}) > 1
    return len(set(labels)) > 1


def _of_task(dataset: Dataset) -> Facts:
    """Of one of several tasks: what it is, how many samples have a label of it, and what is known of these."""
    known = sum(sample.label is not None for sample in dataset.samples)
    counts = {} if dataset.target.kind == "regress" else dataset.counts
    return {"task": dataset.target.kind, "known": known, "counts": counts, "facts": label_facts(dataset)}


def _of_sets(known: Sequence[Sample]) -> Facts:
    sizes = [len(sample.names) for sample in known]
    sets = Counter(", ".join(sample.names) for sample in known)
    return {
        "per_sample": float(np.mean(sizes)),
        "most": max(sizes),
        "none": sizes.count(0),
        "different": len(sets),
        "sets": dict(sets.most_common(_SETS)),
    }


def _of_numbers(known: Sequence[Sample], classes: Sequence[str]) -> Facts:
    table = np.array([sample.label for sample in known], dtype=np.float64)
    return {
        name: _of_number(column, [sample.id for sample in known]) for name, column in zip(classes, table.T, strict=True)
    }


def _of_number(values: npt.NDArray[np.float64], ids: Sequence[str]) -> Facts:
    low, first, median, third, high = np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist()
    spread = _SIGMA * float(np.median(np.abs(values - median))) or (third - first) / 1.349
    apart = np.abs(values - median) / spread if spread > 0 else np.zeros(len(values))
    far = sorted(np.flatnonzero(apart > FAR).tolist(), key=lambda i: -apart[i])
    value, held = Counter(values.tolist()).most_common(1)[0]
    return {
        "min": low,
        "lower_quartile": first,
        "median": median,
        "upper_quartile": third,
        "max": high,
        "different": len(set(values.tolist())),
        "repeated": {"value": value, "samples": held},
        "outlier_count": len(far),
        "outliers": [[ids[i], float(values[i])] for i in far[:_SHOWN]],
    }


def _of_tags(known: Sequence[Sample], classes: Sequence[str]) -> Facts:
    index = {tag: i for i, tag in enumerate(classes)}
    rows = [[index[tag] for tag in cast("tuple[str, ...]", sample.label)] for sample in known]
    tags = np.array([tag for row in rows for tag in row], dtype=np.int64)
    sentence = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    words = np.bincount(tags, minlength=len(index))
    facts: Facts = {
        "sentences": len(rows),
        "words": len(tags),
        "tags": {tag: int(words[i]) for tag, i in index.items()},
        "entities": {},
        "without": 0,
        "malformed": [],
        "malformed_count": 0,
    }
    scheme = Scheme.of(classes)
    if scheme is None or OUTSIDE not in index:
        return facts
    spans = scheme.spans(tags, sentence)
    held = np.bincount(spans.kind, minlength=len(scheme.types))
    broken = np.unique(sentence[scheme.broken(tags, sentence)]).tolist()
    return {
        **facts,
        "entities": {name: int(n) for name, n in zip(scheme.types, held, strict=True)},
        "without": len(rows) - len(np.unique(sentence[spans.start])),
        "malformed": [known[i].id for i in broken[:_SHOWN]],
        "malformed_count": len(broken),
    }


def _of_texts(known: Sequence[Sample]) -> Facts:
    pairs = [(sample.id, " ".join(str(sample.source).split()), " ".join(str(sample.label).split())) for sample in known]
    empty = [name for name, _, target in pairs if not target]
    same = [name for name, given, target in pairs if target and target == given]
    return {
        "inputs": _lengths([given for _, given, _ in pairs]),
        "targets": _lengths([target for _, _, target in pairs]),
        "different": len({target for _, _, target in pairs}),
        "empty": empty[:_SHOWN],
        "empty_count": len(empty),
        "same": same[:_SHOWN],
        "same_count": len(same),
    }


def _lengths(texts: Sequence[str]) -> dict[str, list[int]]:
    """[shortest, median, longest] in characters and in words."""
    counted = {"characters": sorted(map(len, texts)), "words": sorted(len(text.split()) for text in texts)}
    return {unit: [n[0], n[len(n) // 2], n[-1]] for unit, n in counted.items()}
