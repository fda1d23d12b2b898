"""Labelled data for commands that learn from classes and from no other labels."""

from __future__ import annotations

from typing import Any

from warmstart.data.schema import Dataset
from warmstart.data.sources import load
from warmstart.errors import DataError


def load_classes(data: Any, which: str, **how: Any) -> Dataset:
    """Data with one class for each sample, as `warmstart.load` reads them.

    Args:
        data: as for `load`.
        which: what they are called in an error: "the source".
        how: the other arguments of `load`.

    Raises:
        DataError: the labels are no classes, or several columns of them are named; or as `load` does. Nothing is
            proposed that only a command with an option for the task could do.

    >>> load_classes((["good", "bad"], [["a", "b"], ["a"]]), "the source", kind="text")
    Traceback (most recent call last):
        ...
    warmstart.errors.DataError: the source: its labels pose the task 'multilabel'
    Expected: one class for each sample
    What to do: give the samples names of classes: a folder for each, or a column of them (--label-column)
    """
    columns = [name for name in (how.get("label_column") or "").split(",") if name]
    if len(columns) > 1:
        raise DataError(
            f"{which}: {len(columns)} columns are named for the labels: {', '.join(columns)}",
            expected="one, with a class for each sample",
            do="name one alone with label_column (--label-column)",
        )
    found = load(data, **how)
    if found.target.kind != "classify":
        raise DataError(
            f"{which}: its labels pose the task {found.target.kind!r}",
            expected="one class for each sample",
            do="give the samples names of classes: a folder for each, or a column of them (--label-column)",
        )
    return found
