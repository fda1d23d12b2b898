"""What is answered so far, on the disk: rows as JSON lines, and beside them a journal that says how many are whole.

Rows are appended to `NAME.part`; now and then they are synced, and `NAME.journal` is written anew, as a whole. What
lies in the part beyond the journal was torn off in the middle, and is cut away. Whoever goes on finds there what was
asked, so that answers of two bundles, or for other inputs, never get into one file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.api.predicting.counts import Counts
from warmstart.api.predicting.lines import Columns, lines_of
from warmstart.api.predicting.tables import WrittenRows, as_line, write_table
from warmstart.data.schema import Text
from warmstart.data.sources.given import Given
from warmstart.engine.extraction import Choice
from warmstart.errors import RunError
from warmstart.files import read_json, sync, write_json, writing
from warmstart.shipping.files import refuse_existing

EVERY = 1.0
"""Seconds between two times that the journal is written: what a power cut may cost."""


class Journal:
    """Answers on their way to `out`.

    Args:
        out: the table they become, which must not exist.
        asked: what was asked of which bundle, as JSON has it.
        classes: of the bundle.
        resume: go on where an interrupted call stopped, if there is one.

    Raises:
        RunError: `out` exists; or an interrupted call was not to be gone on with, or asked something else.
    """

    def __init__(self, out: Path, asked: dict[str, Any], classes: Sequence[str], *, resume: bool) -> None:
        self.out, self._asked, self._classes = out, json.loads(json.dumps(asked)), tuple(classes)
        self.part, self._path = out.with_name(f"{out.name}.part"), out.with_name(f"{out.name}.journal")
        self._sum = hashlib.sha256()
        self.counts, self.inputs, self._size = Counts(), 0, 0
        self.columns, self.done = Columns(classes), False
        self.choice: Choice | None = None
        """What computes the features; the same to the end, so that an interruption changes no digit."""
        before = read_json(self._path)
        if before is None:
            if resume and out.exists():
                raise RunError(
                    f"{out} exists already, and no call that was interrupted",
                    expected="answers to go on with, or a new name",
                    do="use it if the last call had ended; else name another one, or move it away",
                )
            refuse_existing(out)
            with writing(out):
                out.parent.mkdir(parents=True, exist_ok=True)
                self.part.unlink(missing_ok=True)  # nothing of it is sure
        elif not resume:
            raise RunError(
                f"{self.part} holds {before['inputs']} answers of a call that was interrupted",
                expected="a new name, or a call that goes on with it",
                do=f"go on: --resume (resume=True); or delete {self.part.name} and {self._path.name}",
            )
        else:
            self._take_up(before)
        self._written = time.monotonic()

    def _take_up(self, before: dict[str, Any]) -> None:
        other = [name for name in before["asked"] | self._asked if before["asked"].get(name) != self._asked.get(name)]
        if other:
            was, now = (asked.get(other[0]) for asked in (before["asked"], self._asked))
            raise RunError(
                f"{self.part} holds answers to another question: {other[0]} was {was!r}, and is {now!r}",
                expected="the same bundle and options as before",
                do="call it as before, or name another file",
            )
        self.inputs, self._size = before["inputs"], before["size"]
        self.counts, self.columns = Counts(**before["counts"]), Columns(self._classes, before["columns"])
        self.choice = None if before["choice"] is None else Choice(**before["choice"])
        self._expected, self.done = str(before["digest"]), bool(before["done"])
        if not (self.done and self.out.exists()):
            refuse_existing(self.out)
            if not self.part.exists() or self.part.stat().st_size < self._size:
                raise RunError(
                    f"{self.part} is shorter than its journal says",
                    do=f"delete {self.part.name} and {self._path.name}, and begin anew",
                )

    def skip(self, given: Iterator[Given]) -> None:
        """Pass over the inputs that are answered, and cut off what is torn.

        Raises `RunError` where they are others than before.
        """
        for _ in range(self.inputs):
            one = next(given, None)
            if one is None:
                break
            self._sum.update(fingerprint(one))
        if self.inputs and self._sum.hexdigest() != self._expected:
            raise RunError(
                f"the first {self.inputs} inputs are others than those that are answered in {self.part}",
                expected="the same inputs in the same order, unchanged",
                do="give them as before, or name another file",
            )
        if self.inputs:
            os.truncate(self.part, self._size)

    def add(self, answered: Sequence[tuple[Given, dict[str, Any]]], *, rows: bool = True) -> None:
        """Append what was answered; without `rows`, inputs that are to have none."""
        with writing(self.part), self.part.open("ab") as file:
            for given, row in answered:
                self._sum.update(fingerprint(given))
                self.counts.add(row)
                if rows or row["error"] is None:
                    self._size += file.write(as_line(row))
                    for line in lines_of(row, self._classes):
                        self.columns.add(line)
        self.inputs += len(answered)
        if time.monotonic() - self._written >= EVERY:
            self.keep()

    def keep(self, *, done: bool = False) -> None:
        """Have all of it on the disk."""
        self.part.touch()
        sync(self.part)
        state = {
            "asked": self._asked,
            "inputs": self.inputs,
            "size": self._size,
            "digest": self._sum.hexdigest(),
            "counts": dataclasses.asdict(self.counts),
            "columns": self.columns.types,
            "choice": None if self.choice is None else dataclasses.asdict(self.choice),
            "done": done,
        }
        write_json(self._path, state)
        self._written = time.monotonic()

    def end(self) -> WrittenRows:
        """Make the table of it. What a call that was killed in here left behind, the next one finishes."""
        if not self.done:
            self.keep(done=True)
        if not self.out.exists():
            write_table(self.out, self.part, self.columns, self._classes)
        self.part.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)
        return WrittenRows(self.out, self.counts)


def fingerprint(given: Given) -> bytes:
    """What tells an input from others: its id, what is kept, and its content, of a file its size and time."""
    sample, source = given.sample, given.sample.source
    if isinstance(source, Path):
        try:
            found = source.stat()
            content = f"{found.st_size} {found.st_mtime_ns}".encode()
        except (OSError, ValueError):
            content = b"missing"
    elif isinstance(source, Text):
        content = json.dumps(source.parts).encode()
    elif isinstance(source, bytes):
        content = source
    else:  # a picture, an array, a series, the end of a series
        content = np.ascontiguousarray(getattr(source, "values", source)).tobytes()
    head = json.dumps([sample.id, dict(given.kept), len(content)], default=str)
    return head.encode() + content
