"""Several questions about one input: a target for each task, and labels of which any may be missing."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from warmstart.data.targets import OF_NAMES, UNKNOWN, IntArray, Label, Labels, NumberTarget, Target, TaskName
from warmstart.data.tasklabels import TaskLabels, named

KINDS: tuple[TaskName, ...] = ("classify", "multilabel", "regress")
"""Tasks that may be asked together: their heads read the features of a whole input."""
_FEW = 5
"""Samples; a way of having labels that fewer have is no stratum of its own."""


@dataclasses.dataclass(frozen=True)
class SeveralTarget:
    """Targets by the names of their tasks, in the order of the network's outputs.

    >>> from warmstart.data.targets import ClassTarget
    >>> kg = NumberTarget(("kg",), (4.0,), (2.0,))
    >>> target = SeveralTarget((("species", ClassTarget(("cat", "dog"))), ("kg", kg)))
    >>> target.classes, target.encode([TaskLabels(("species", "kg"), ("dog", None))]).tolist()
    (('species: cat', 'species: dog', 'kg'), [[1.0, nan]])
    """

    parts: tuple[tuple[str, Target], ...]
    kind: Literal["several"] = "several"

    @property
    def classes(self) -> tuple[str, ...]:
        """A name for each output: classes and labels behind the name of their task, numbers by their own."""
        return tuple(name for task, target in self.parts for name in _outputs(task, target))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tasks."""
        return tuple(name for name, _ in self.parts)

    @property
    def columns(self) -> tuple[slice, ...]:
        """Where the targets of each task stand in a row of `encode`: a class takes one place."""
        return _slices([1 if target.kind == "classify" else len(target.classes) for _, target in self.parts])

    @property
    def outputs(self) -> tuple[slice, ...]:
        """Where the outputs of each task stand in a row of the network's."""
        return _slices([len(target.classes) for _, target in self.parts])

    def labels_of(self, task: int, labels: Labels) -> list[Label | None]:
        """Those of one task."""
        return [None if label is None else cast(TaskLabels, label).values[task] for label in labels]

    def encode(self, labels: Labels) -> npt.NDArray[np.float32]:
        """The targets of all tasks side by side (n, k), NaN where a label is unknown; of classes their index."""
        rows = []
        for number, (_, target) in enumerate(self.parts):
            own = target.encode(self.labels_of(number, labels))
            if target.kind == "classify":
                own = np.where(own == UNKNOWN, np.nan, own)[:, None]
            rows.append(own.astype(np.float32))
        return np.concatenate(rows, 1)

    def known(self, labels: Labels) -> npt.NDArray[np.bool_]:
        """Which samples have a label of which task (n, tasks)."""
        return np.array([[value is not None for value in self._values(label)] for label in labels], dtype=bool).reshape(
            len(labels), len(self.parts)
        )

    def strata(self, labels: Labels) -> IntArray:
        """By the first task of classes (else by the first task), and within it by which tasks a label is known of.

        Kinds of samples of which there are fewer than five are not kept apart by the latter.
        """
        first = next((i for i, (_, target) in enumerate(self.parts) if target.kind == "classify"), 0)
        base = self.parts[first][1].strata(self.labels_of(first, labels))
        ways = np.unique(self.known(labels), axis=0, return_inverse=True)[1].reshape(-1)
        both = np.stack([base, ways], 1)
        _, which, counts = np.unique(both, axis=0, return_inverse=True, return_counts=True)
        both[counts[which.reshape(-1)] < _FEW, 1] = -1
        found: IntArray = np.unique(both, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
        return np.where([label is None for label in labels], UNKNOWN, found).astype(np.int64)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form."""
        return {"parts": [_described(name, target) for name, target in self.parts]}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> SeveralTarget:
        """Inverse of `to_dict`. Raises `ValueError` where that makes no sense."""
        return cls(tuple((str(part["name"]), _target(part)) for part in facts["parts"]))

    def _values(self, label: Label | None) -> tuple[Any, ...]:
        return (None,) * len(self.parts) if label is None else cast(TaskLabels, label).values


def _outputs(task: str, target: Target) -> tuple[str, ...]:
    if target.kind == "regress" and target.classes == (task,):
        return (task,)
    return tuple(named(task, name) for name in target.classes)


def _slices(widths: Sequence[int]) -> tuple[slice, ...]:
    ends = np.cumsum([0, *widths]).tolist()
    return tuple(slice(a, b) for a, b in itertools.pairwise(ends))


def _described(name: str, target: Target) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": name, "task": target.kind, "classes": list(target.classes)}
    if isinstance(target, NumberTarget):
        facts |= {"centre": list(target.centre), "scale": list(target.scale)}
    return facts


def _target(part: Mapping[str, Any]) -> Target:
    classes = tuple(map(str, part["classes"]))
    if part["task"] not in KINDS or not classes:
        raise ValueError(f"no task {part['task']!r} of {len(classes)} classes is one of several")
    if part["task"] != "regress":
        return OF_NAMES[part["task"]](classes)
    centre, scale = (tuple(map(float, part[key])) for key in ("centre", "scale"))
    if not len(classes) == len(centre) == len(scale):
        raise ValueError("every number needs a centre and a scale")
    return NumberTarget(classes, centre, scale)


def each(target: SeveralTarget) -> Iterator[tuple[str, Target, slice, slice]]:
    """Name, target, place of the targets and place of the outputs of each task."""
    for (name, part), columns, outputs in zip(target.parts, target.columns, target.outputs, strict=True):
        yield name, part, columns, outputs
