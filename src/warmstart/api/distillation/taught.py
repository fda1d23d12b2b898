"""The data of a student: labelled samples, samples without a label, and what the teacher says of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from warmstart.api.distillation.teacher import Teacher
from warmstart.api.inputs.apart import audit_part, divided, without_copies
from warmstart.api.inputs.options import how_read
from warmstart.api.inputs.prepare import Loaded, divide, read_whole, tell_problems
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import PLURAL, Dataset, IntArray, Sample, Split
from warmstart.data.seriesreading import reading_of
from warmstart.data.sources import load, load_inputs
from warmstart.data.targets import Target
from warmstart.engine.data import Taught
from warmstart.engine.events import Decided, Listener
from warmstart.errors import DataError
from warmstart.model.backbone import Backbone

_HOW = ("group", "time", "path_column", "text_column", "label_column")
_SERIES = ("id_column", "time_column", "value_columns", "rate", "window", "stride")
ELSE = "unlabelled"


@dataclasses.dataclass(frozen=True)
class Lesson:
    """All samples with the answers of the teacher; of one without a label its answer stands for the label."""

    dataset: Dataset
    taught: Taught
    has_labels: bool


def gathered(
    teacher: Teacher,
    data: Any,
    unlabelled: Any,
    options: Mapping[str, Any],
    store: ActivationStore,
    listener: Listener,
) -> Lesson:
    """Read what the samples are, and compute what the teacher says of them.

    Raises:
        DataError: there is no sample, a label that the teacher does not know, or too much that it cannot read.
    """
    samples, name, notes = list[Sample](), "", list[str]()
    if data is not None:
        found = load(
            data,
            kind=teacher.kind,
            task=teacher.target.kind,
            **{key: options[key] for key in (*_HOW, *_SERIES) if key in options},
        )
        samples, name, notes = _as_asked(found, teacher), found.name, list(found.notes)
    if unlabelled is not None:
        reading = reading_of(options)
        more = load_inputs(unlabelled, kind=teacher.kind, text_column=options["text_column"], reading=reading)
        samples += [Sample(f"{ELSE} {i}: {one.id}", one.source) for i, one in enumerate(more)]
        name = name or ELSE
    outputs, why = teacher.outputs(samples, store, listener)
    kept = [i for i, error in enumerate(why) if not error]
    _tell_unreadable(samples, why, options["max_unreadable"], listener)
    labelled = torch.tensor([samples[i].label is not None for i in kept])
    told = tuple(
        samples[i] if samples[i].label is not None else dataclasses.replace(samples[i], label=teacher.label(outputs[i]))
        for i in kept
    )
    if not labelled.all():
        beside = f" beside {int(labelled.sum())} with one" if labelled.any() else ": the teacher is all there is"
        listener(Decided(f"{int((~labelled).sum())} {PLURAL[teacher.kind]} without a label{beside}"))
    dataset = Dataset(told, teacher.target, name=name, notes=tuple(notes))
    return Lesson(dataset, Taught(outputs[kept], labelled), bool(labelled.any()))


def prepared(lesson: Lesson, backbone: Backbone, options: Mapping[str, Any], **how: Any) -> tuple[Loaded, Taught]:
    """The data as the student reads them, divided. `how` are the other arguments of `read_whole`.

    With labels, samples without one are trained on and no more, but for copies of what is held out. Without any, parts
    are cut by the answers of the teacher.

    Raises:
        DataError: nothing is left to train or to validate on.
    """
    listener, shares = how["listener"], {key: options[key] for key in ("val", "test", "seed")}
    whole = read_whole(lesson.dataset, backbone, **how_read(options), **how)
    place = {sample.id: i for i, sample in enumerate(lesson.dataset.samples)}
    rows = torch.tensor([place[sample.id] for sample in whole.dataset.samples])
    taught = Taught(lesson.taught.outputs[rows], lesson.taught.labelled[rows])
    if not lesson.has_labels:
        split = divide(whole.dataset, **shares, alike=whole.alike)
        split = dataclasses.replace(split, how=split.how.replace("by class", "by the answers of the teacher"))
        members: IntArray = np.arange(len(whole.dataset))
    else:
        members, alike = np.flatnonzero(taught.labelled.numpy()), whole.alike
        split = divided(whole, members, alike, **shares)
        split = _with_unlabelled(split, np.flatnonzero(~taught.labelled.numpy()), alike, listener)
    for note in (split.how, *split.notes):
        listener(Decided(note))
    findings = audit_part(whole, members, split)
    tell_problems(findings, listener)
    return Loaded(whole.backbone, whole.dataset, split, whole.store, findings), taught


def _with_unlabelled(split: Split, others: IntArray, alike: Any, listener: Listener) -> Split:
    if not len(others):
        return split
    kept = without_copies(others, np.concatenate([split.val, split.test]), alike)
    if lost := len(others) - len(kept):
        listener(Decided(f"{lost} without a label are copies of what is held out, and are left out"))
    train = np.concatenate([split.train, kept])
    return dataclasses.replace(split, train=train, how=f"{split.how}; {len(kept)} more without a label to train on")


def _as_asked(found: Dataset, teacher: Teacher) -> list[Sample]:
    """The samples with labels as the teacher's target has them."""
    own, target = found.target, teacher.target
    if target.kind == "regress":
        return [_renamed(sample, own, target) for sample in found.samples]
    for bundle in teacher.bundles:
        bundle.refuse_unknown(found.samples)
    return list(found.samples)


def _renamed(sample: Sample, own: Target, target: Target) -> Sample:
    """With its numbers in the target's order; a single number is taken for the single one that is asked for."""
    if len(own.classes) == len(target.classes) == 1 or sample.label is None:
        return sample
    if set(own.classes) != set(target.classes):
        raise DataError(
            f"the data have the numbers {', '.join(own.classes)}",
            expected=f"those of the teacher: {', '.join(target.classes)}",
            do="name their columns with --label-column",
        )
    by_name = dict(zip(own.classes, sample.label, strict=True))  # type: ignore[arg-type]
    return dataclasses.replace(sample, label=tuple(by_name[name] for name in target.classes))  # type: ignore[arg-type]


def _tell_unreadable(samples: list[Sample], why: list[str], most: float, listener: Listener) -> None:
    lost = [i for i, error in enumerate(why) if error]
    if not lost:
        return
    first = f"{samples[lost[0]].id}: {why[lost[0]]}"
    if len(lost) > most * len(samples):
        raise DataError(
            f"the teacher cannot read {len(lost)} of {len(samples)} samples; the first: {first}",
            expected=f"at most a share of {most:g}",
            do="give it what it was trained to read; raise --max-unreadable to go on without them",
        )
    listener(Decided(f"the teacher cannot read {len(lost)} of {len(samples)} samples, which are left out"))
