"""Rows of a table to samples: files looked for, empty cells and repeated rows dealt with."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from warmstart.data.names import PARTS, clean, some, unique
from warmstart.data.schema import Label, Sample, Text
from warmstart.data.sources.answers import Answers
from warmstart.data.sources.times import as_times
from warmstart.data.sources.walk import is_file
from warmstart.errors import DataError

OnMissing = Literal["error", "skip"]
_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")


def to_samples(
    rows: Sequence[dict[str, str]], answers: Answers, root: Path, on_missing: OnMissing, notes: list[str]
) -> tuple[Sample, ...]:
    """A sample for each row of cells `path` and, if there are, `group`, `split` and `time`, with its label.

    A row that repeats another is left out and counted.

    Raises:
        DataError: names the rows (the first is 1) without a label or a missing file, unless these are to be
            skipped, with another label for the same file, or with a time that cannot be read.
    """
    times = _times(rows, notes)
    samples: list[Sample] = []
    problems: list[str] = []
    first: dict[tuple[Path, str], tuple[int, Label | None]] = {}
    repeated = 0
    for number, (row, label) in enumerate(zip(rows, answers.labels, strict=True), start=1):
        file, part = file_in(root, row["path"]), row.get("split", "").lower()
        if problem := _problem(row, label, file):
            problems.append(f"row {number}: {problem}")
            continue
        before = first.setdefault((file, part), (number, label))
        if before[0] != number:
            if before[1] != label:
                raise DataError(
                    f"row {number} labels {clean(row['path'])} as {label!r}, row {before[0]} as {before[1]!r}",
                    expected="one label for each file",
                    do="remove the row that is wrong",
                )
            repeated += 1
            continue
        samples.append(_sample(clean(Path(row["path"]).as_posix()), file, label, row, times[number - 1]))
    expected = f"in every row a label, and a file that exists (relative paths start at {root.absolute()})"
    _leave_out(problems, rows, expected, answers.mend, notes, stop=on_missing == "error" or not samples)
    if repeated:
        notes.append(f"{repeated} row(s) repeat an earlier one and are left out")
    ids = unique([s.id for s in samples])
    return tuple(dataclasses.replace(s, id=i) for i, s in zip(ids, samples, strict=True))


def to_texts(
    rows: Sequence[dict[str, str]],
    answers: Answers,
    texts: Sequence[Text],
    on_missing: OnMissing,
    notes: list[str],
) -> tuple[Sample, ...]:
    """A sample for each row of cells, if there are, `group`, `split` and `time`, with its label and its text.

    Empty texts are left in, with or without a label. Ids are `row-1` for the first, and so on.

    Raises:
        DataError: names the rows (the first is 1) with a text and without a label, unless these are to be skipped.
    """
    times = _times(rows, notes)
    samples: list[Sample] = []
    problems: list[str] = []
    for number, (row, label, text, at) in enumerate(zip(rows, answers.labels, texts, times, strict=True), start=1):
        if label is not None or text.empty:
            samples.append(_sample(f"row-{number}", text, label, row, at))
        else:
            problems.append(f"row {number}: the label is empty")
    stop = on_missing == "error" or not samples
    _leave_out(problems, rows, "in every row a label", answers.mend, notes, stop=stop)
    return tuple(samples)


def _times(rows: Sequence[dict[str, str]], notes: list[str]) -> Sequence[float | None]:
    timed = bool(rows) and "time" in rows[0]
    return as_times([row["time"] for row in rows], notes) if timed else [None] * len(rows)


def _sample(name: str, source: Path | Text, label: Label | None, row: dict[str, str], at: float | None) -> Sample:
    part = row.get("split", "").lower()
    return Sample(name, source, label, row.get("group") or None, PARTS[part] if part else None, at)


def _leave_out(
    problems: Sequence[str], rows: Sequence[object], expected: str, do: str, notes: list[str], *, stop: bool
) -> None:
    """Raise `DataError` that tells of the rows with problems, or note that they are left out."""
    if problems and stop:
        raise DataError(f"{len(problems)} of {len(rows)} rows cannot be used: {some(problems)}", expected, do)
    if problems:
        notes.append(f"{len(problems)} row(s) are left out: {some(problems, 3)}")


def file_in(root: Path, text: str) -> Path:
    """The file a cell names. A table written on Windows may have backslashes, one made on a Mac other accents."""
    written = (text, text.replace("\\", "/"))
    forms = [*written, *(unicodedata.normalize(form, name) for name in written for form in _FORMS)]
    return next((root / name for name in forms if is_file(root / name)), root / text)


def _problem(row: dict[str, str], label: Label | None, file: Path) -> str:
    if label is None:
        return "the label is empty"
    if not row["path"]:
        return "the path is empty"
    return "" if is_file(file) else f"there is no file {clean(row['path'][:200])}"
