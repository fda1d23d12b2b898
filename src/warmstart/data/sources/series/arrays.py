"""Series in memory, and files of NumPy: (n, steps), (n, channels, steps), or a list of arrays of unequal lengths.

A memory-mapped array is not read: each series is a view of it.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.data.names import PARTS, natural, some
from warmstart.data.schema import Sample, Series, SplitName
from warmstart.errors import DataError

BROKEN: tuple[type[Exception], ...] = (
    *(OSError, ValueError, EOFError, KeyError, OverflowError, MemoryError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)
"""What numpy and zipfile raise on files that are cut, altered, encrypted, or of a size that cannot be."""
KINDS = "biuf"
"""What arrays of series hold: true and false, whole numbers, numbers."""
FORMS = "an array (n, steps) or (n, channels, steps), or a list of arrays (steps,) or (channels, steps)"
Part = tuple[SplitName | None, npt.NDArray[Any], npt.NDArray[Any] | None]
"""(part, series, labels)."""
INPUTS = ("x", "data", "series", "values", "signals")
LABELS = ("y", "labels", "label", "targets", "target")


def as_series_list(data: Any, rate: float | None = None) -> list[Series]:
    """Each series of an array or a sequence.

    Raises:
        DataError: names the place of what is no series: no numbers, another shape, no step.

    >>> [s.values.shape for s in as_series_list(np.zeros((2, 3, 5)))], as_series_list([[1, 2, 3]])[0].steps
    ([(3, 5), (3, 5)], 3)
    """
    if isinstance(data, np.ndarray) and data.dtype != object and data.ndim not in (2, 3):
        raise DataError(f"series of shape {data.shape}", expected=FORMS)
    plain = np.asarray(data) if isinstance(data, np.memmap) else data  # its views are made a tenth as fast
    return [as_series(item, f"position {i}", rate) for i, item in enumerate(plain)]


def as_series(item: Any, place: str, rate: float | None = None) -> Series:
    """One series: (steps,), (channels, steps), a list of numbers, or a `Series`. Raises `DataError` for all else."""
    if isinstance(item, Sample):
        item = item.source
    if isinstance(item, Series):
        return item
    if hasattr(item, "to_numpy"):  # a Series or a DataFrame of pandas, whose rows are steps
        values = item.to_numpy()
        item = values.T
    try:
        values = np.asarray(item)
    except ValueError as error:
        raise DataError(f"{place}: channels of unequal lengths", expected=FORMS) from error
    if values.dtype == object:
        try:
            values = values.astype(np.float64)  # numbers with None among them
        except (TypeError, ValueError):
            raise DataError(f"{place} holds {type(item).__name__} and no numbers", expected=FORMS) from None
    if values.dtype.kind not in KINDS or values.ndim not in (1, 2) or values.size == 0:
        raise DataError(f"{place} has the shape {values.shape} and type {values.dtype}", expected=FORMS)
    return Series(values if values.ndim == 2 else values[None], rate)


def read_npy(path: Path) -> npt.NDArray[Any]:
    """The array of a file, memory-mapped. Raises `DataError` if it is none, or of Python objects."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except BROKEN as error:
        raise DataError(
            f"{path} cannot be read as an array: {str(error).splitlines()[0] if str(error) else 'it is empty'}",
            expected="numbers that numpy.save wrote; of Python objects none, as reading them could run code",
        ) from error
    if not isinstance(found, np.ndarray) or found.dtype.kind not in KINDS:
        raise DataError(f"{path} holds no array of numbers", expected=FORMS)
    return found


def read_npz(path: Path, notes: list[str]) -> list[Part]:
    """The parts of a file with arrays X and y, also called data and labels; or X_train, y_train, X_test, y_test.

    Raises:
        DataError: it cannot be read, or the arrays cannot be told.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except BROKEN as error:
        raise DataError(
            f"{path} cannot be read: {error}", expected="arrays of numbers that numpy.savez wrote, and no objects"
        ) from error
    return parts_of(arrays, str(path), notes)


def parts_of(arrays: Mapping[str, npt.NDArray[Any]], called: str, notes: list[str]) -> list[Part]:
    """The parts of arrays, by their names: X and y, or X_train, y_train, X_test, y_test. Raises `DataError`."""
    arrays = {name.lower(): array for name, array in arrays.items()}
    given = [*dict.fromkeys(part for name in arrays if (part := _part_in(name)))]
    found: list[Part] = []
    parts: list[str | None] = [*given] or [None]
    for part in parts:
        here = {name: array for name, array in arrays.items() if _part_in(name) == part}
        inputs, labels = _first(here, INPUTS), _first(here, LABELS)
        if inputs is None and len(here) == 1:
            inputs = next(iter(here.values()))
        if inputs is None or inputs.dtype.kind not in KINDS:
            names = some(sorted(arrays, key=natural), 10)
            raise DataError(
                f"{called} holds the arrays {names}", expected="X and y; or X_train, y_train, X_test, y_test"
            )
        found.append((PARTS[part] if part else None, channels_second(inputs, called, notes), labels))
    return found


def channels_second(array: npt.NDArray[Any], called: str, notes: list[str]) -> npt.NDArray[Any]:
    """The array (n, channels, steps); one of a single step is (n, steps, 1), as some libraries have it."""
    if array.ndim != 3 or array.shape[2] != 1 or array.shape[1] == 1:
        return array
    notes.append(f"{called}: an array {array.shape} is read as {array.shape[0]} series of {array.shape[1]} steps")
    return array.transpose(0, 2, 1)


def bare_name(name: str) -> str:
    """The name of an array without that of a part.

    >>> bare_name("X_train")
    'x'
    """
    return "_".join(word for word in re.split("[_.-]", name.lower()) if word not in PARTS)


def _part_in(name: str) -> str | None:
    return next((word for word in re.split("[_.-]", name) if word in PARTS), None)


def _first(arrays: Mapping[str, npt.NDArray[Any]], known: Sequence[str]) -> npt.NDArray[Any] | None:
    bare = {bare_name(name): name for name in arrays}
    return next((arrays[bare[name]] for name in known if name in bare), None)
