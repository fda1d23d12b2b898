"""Which question the labels pose, as the user says or by what they are, and the labels as it takes them."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Iterable, Sequence
from typing import Any, cast

from warmstart.data.names import natural, some
from warmstart.data.schema import Label, Target
from warmstart.data.several import SeveralTarget
from warmstart.data.sources.labels import LabelCells, as_cell, as_text, class_names, is_nested, is_null
from warmstart.data.sources.labelsets import are_indicators, as_list, divided, indicated, listed
from warmstart.data.sources.numbers import are_measurements, are_numbers, as_number, many_different
from warmstart.data.sources.tags import as_tags, in_bio, in_order
from warmstart.data.sources.tasks import NONE, Kinds
from warmstart.data.sources.textcolumns import well_formed
from warmstart.data.targets import (
    AnomalyTarget,
    ClassTarget,
    LabelsTarget,
    NumberTarget,
    TagTarget,
    TaskName,
    TextTarget,
    parts_of,
)
from warmstart.data.tasklabels import TaskLabels
from warmstart.errors import DataError


@dataclasses.dataclass(frozen=True)
class Answers:
    """The labels of all samples, `None` for a gap, and the task that they pose."""

    task: TaskName
    labels: list[Label | None]
    names: tuple[str, ...] = ()
    """Of the numbers; of the labels, where each has a place of its own; of several tasks."""
    parts: tuple[Answers, ...] = ()
    """Of several tasks, those of each."""

    @property
    def mend(self) -> str:
        """What to do where labels are missing.

        >>> "--task x=regress,y=regress" in Answers("regress", [(1.0, 2.0), None], ("x", "y")).mend
        True
        """
        do = "mend the rows, or leave them out: --on-missing skip (on_missing='skip')"
        if self.task != "regress" or len(self.names) < 2:
            return do
        each = ",".join(f"{name}=regress" for name in self.names)
        return f"{do}; or make each column a task of its own, which may have gaps: --task {each} (or =classify)"


def read_answers(cells: LabelCells, task: TaskName | None, notes: list[str], kinds: Kinds = NONE) -> Answers:
    """The labels in cells. `notes` gets what had to be found out.

    Args:
        cells: as they are stored.
        task: as the user says; else found by what they hold.
        notes: are added to.
        kinds: of several tasks, those that the user says, by the names of their columns.

    Raises:
        DataError: names the place of a cell that does not fit the task, or says that several columns do not.

    >>> read_answers(LabelCells([[["a", "b"], []]], ("label",), ["row 1", "row 2"]), None, []).labels
    [('a', 'b'), ()]
    """
    task = task or _found(cells, notes)
    if task == "several":
        return _several(cells, notes, kinds)
    first = cells.columns[0]
    if task == "multilabel":
        if all(map(are_indicators, cells.columns)) or len(cells.columns) > 1:
            return Answers(task, indicated(cells.columns, cells.names, cells.places), cells.names)
        if any(as_list(cell) is not None for cell in first):
            return Answers(task, *listed(first, cells.places, notes))
        _refuse_several(cells)
        return Answers(task, divided(first, notes))
    if task == "regress":
        return _numbers(cells)
    if len(cells.columns) > 1:
        raise DataError(
            f"{len(cells.columns)} columns are named for the labels: {', '.join(cells.names)}",
            expected=f"one for the task {task!r}; several hold labels of 0 and 1 (multilabel), numbers (regress), or a "
            "task each (several)",
        )
    if task == "tag":
        return Answers(task, [*in_bio(_tags(cells), notes)])
    _refuse_several(cells)
    if task == "generate":
        return Answers(task, [None if is_null(cell) else well_formed(as_cell(cell)) for cell in first])
    known: dict[str, str] = {}  # samples of one class share its name: a table has a text of its own in each cell
    return Answers(task, [known.setdefault(text, text) if (text := as_text(cell)) else None for cell in first])


def target_of(answers: Answers, labels: Sequence[Label | None], notes: list[str]) -> Target:
    """The target of those samples that are left. `notes` gets what is strange about it.

    Which label is that of normal samples is found out later (`warmstart.data.anomalies`); here all names are kept.

    Raises:
        DataError: there is nothing to tell apart: fewer than two classes or tags, no label, numbers that are all equal.
    """
    known = [label for label in labels if label is not None]
    if answers.task == "several":
        return _target_of_each(answers, known, notes)
    if answers.task == "classify":
        return ClassTarget(class_names([str(label) for label in known], notes))
    if answers.task == "anomaly":
        return AnomalyTarget(tuple(sorted({str(label) for label in known}, key=natural)))
    if answers.task == "regress":
        if len(set(known)) < 2:
            raise DataError(f"{len(known)} labels, and {len(set(known))} number(s) among them", "numbers that differ")
        return NumberTarget.of(answers.names, known)
    if answers.task == "generate":
        if not any(map(str.strip, map(str, known))):
            raise DataError("all texts to be written are empty", expected="some that are not", do="name their column")
        return TextTarget()
    names = {str(name) for label in known for name in parts_of(label)}
    if answers.task == "tag":
        if len(names) < 2:
            raise DataError(f"{len(names)} tag(s): {some(sorted(names))}", expected="two or more different tags")
        if all(map(str.isdigit, names)):
            notes.append("tags are numbers without names, and so it is not known which of them make entities")
        return TagTarget(in_order([*names]))
    if not names:
        raise DataError(f"none of {len(labels)} samples has any label", expected="labels of some samples")
    if unused := [name for name in answers.names if name not in names]:
        notes.append(f"no sample has the label(s) {some(unused)}")
    return LabelsTarget(answers.names or tuple(sorted(names, key=natural)))


def _found(cells: LabelCells, notes: list[str]) -> TaskName:
    if len(cells.columns) > 1:
        if all(map(are_indicators, cells.columns)):
            return "multilabel"
        return "regress" if all(map(are_numbers, cells.columns)) else "several"
    if not cells.columns:
        raise DataError(
            "the data have no labels", expected="a label for each sample", do="add them, or name their column"
        )
    (column,) = cells.columns
    lists = [found for cell in column if (found := as_list(cell)) is not None]
    if not any(map(is_nested, column)) and len(lists) < sum(as_text(cell) != "" for cell in column):
        lists = []  # a name in brackets among others
    if lists and cells.words is not None:
        return "tag"
    entries = [entry for found in lists for entry in found]
    measured = all(isinstance(e, numbers.Real) for e in entries) and any(float(e) % 1 for e in entries)
    if lists and not measured:
        return "multilabel"
    if lists or are_measurements(column):
        notes.append(
            "labels are read as numbers, to be predicted as such; task='classify' (--task classify) takes them as "
            "names of classes"
        )
        return "regress"
    return "classify"


def _several(cells: LabelCells, notes: list[str], kinds: Kinds) -> Answers:
    """A task for each column, of the kind that is said or that its cells are of."""
    if len(cells.names) < 2 or set(kinds) - set(cells.names):
        raise DataError(
            f"labels {', '.join(cells.names)}, and tasks {', '.join(kinds) or '(by what they hold)'}",
            expected="two tasks or more, each with a column of labels",
            do="name the columns with label_column (--label-column)",
        )
    parts = []
    for name, column in zip(cells.names, cells.columns, strict=True):
        one, told = LabelCells([column], (name,), cells.places), list[str]()
        kind = kinds.get(name)
        if kind is None and are_numbers(column) and many_different(column):
            kind = "regress"
        parts.append(read_answers(one, kind, told))
        _refuse_empty(name, (label is not None for label in parts[-1].labels))
        notes += [f"{name}: {note}" for note in told if kind is not None]
    said = ",".join(f"{name}={part.task}" for name, part in zip(cells.names, parts, strict=True))
    if set(kinds) < set(cells.names):
        notes.append(f"labels pose {len(parts)} tasks, read as task='{said}' (--task {said})")
    labels: list[Label | None] = []
    for values in zip(*(part.labels for part in parts), strict=True):
        labels.append(None if all(value is None for value in values) else TaskLabels(cells.names, values))
    return Answers("several", labels, cells.names, tuple(parts))


def _target_of_each(answers: Answers, known: Sequence[Label], notes: list[str]) -> SeveralTarget:
    """The targets of several tasks. Raises `DataError` that names the task there is nothing to learn of."""
    targets = []
    for number, (name, part) in enumerate(zip(answers.names, answers.parts, strict=True)):
        own = [cast(TaskLabels, label).values[number] for label in known]
        missing, told = sum(value is None for value in own), list[str]()
        _refuse_empty(name, (value is not None for value in own))
        try:
            targets.append((name, target_of(part, own, told)))
        except DataError as error:
            raise DataError(f"task {name!r}: {error.found}", error.expected, error.do) from error
        notes += [f"{name}: {note}" for note in told]
        if missing:
            notes.append(f"{name}: {missing} of {len(own)} samples have no label, and are learned from for the others")
    return SeveralTarget(tuple(targets))


def _numbers(cells: LabelCells) -> Answers:
    """Each row of numbers; `None` where one is missing. A column of lists is taken apart."""
    columns, names = list(cells.columns), cells.names
    if len(columns) > 1:
        for name, column in zip(names, columns, strict=True):
            _refuse_empty(name, map(as_text, column))
    lists = [as_list(cell) for cell in columns[0]]
    if len(columns) == 1 and any(entries is not None for entries in lists):
        width = max(len(entries or ()) for entries in lists)
        for entries, cell, place in zip(lists, columns[0], cells.places, strict=True):
            values = [as_number(entry, place, names[0]) for entry in ([cell] if entries is None else entries)]
            if not is_null(cell) and len(values) != width:
                raise DataError(f"{place}: {len(values)} number(s)", expected=f"{width}, as in the longest row")
        columns = [[None if entries is None else entries[i] for entries in lists] for i in range(width)]
        names = tuple(f"{names[0]} {i}" for i in range(1, width + 1))
    found: list[Label | None] = []
    for place, row in zip(cells.places, zip(*columns, strict=True), strict=True):
        values = [as_number(cell, place, name) for cell, name in zip(row, names, strict=True)]
        found.append(None if None in values else tuple(value for value in values if value is not None))
    return Answers("regress", found, names)


def _tags(cells: LabelCells) -> list[tuple[str, ...] | None]:
    if cells.words is None:
        raise DataError("tags, and no words that they are of", expected="a list of words for each list of tags")
    return [as_tags(*of) for of in zip(cells.columns[0], cells.words, cells.places, strict=True)]


def _refuse_empty(name: str, known: Iterable[Any]) -> None:
    """Raise `DataError` where none of the labels of a task, or of the numbers of a column, is known."""
    if not any(known):
        raise DataError(
            f"the task {name!r} has no label at all: its column is empty in all rows",
            expected="labels of some samples for each task",
            do="label some, or leave the column out of label_column (--label-column)",
        )


def _refuse_several(cells: LabelCells) -> None:
    """Raise `DataError` that names the place of a cell that holds several values."""
    for cell, place in zip(cells.columns[0], cells.places, strict=True):
        if is_nested(cell):
            raise DataError(
                f"{place}: the label {cells.names[0]!r} is a {type(cell).__name__}",
                expected="one value for each sample",
                do="name another column, or say task='multilabel' (--task multilabel) if it lists labels",
            )
