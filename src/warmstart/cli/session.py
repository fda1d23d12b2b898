"""What all commands share: where words, results, progress and errors go.

With `--json`, stdout holds one JSON document, also on failure, and nothing else. Progress, decisions and errors go to
stderr in every case. Whatever is printed passes through `clean`, and none of it is read as markup.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import shlex
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from warmstart.cli.progress import ProgressListener
from warmstart.cli.text import clean, plain
from warmstart.errors import DiskError, Interrupted, WarmstartError

_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EACCES, errno.EPERM}
"""What the system says of a disk that is full, or that may not be written; no fault of ours, wherever it shows."""
FAULT = 1
"""Exit code of an error that is ours. Those a user can act on carry their own."""


class Session:
    """One execution of a command."""

    def __init__(self, *, as_json: bool, debug: bool) -> None:
        self.as_json = as_json
        self.debug = debug
        # In a pipe or a file a row is a line, however long; only a terminal has an edge.
        self.out = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 10_000)
        self.err = Console(file=sys.stderr, highlight=False)
        self.listener = ProgressListener(self.err)
        self.again: Sequence[str] = ()
        """The words of this command, for one that can be gone on with after Ctrl-C."""

    def say(self, text: object, style: str = "") -> None:
        """A line for a person. Never folded, so that paths and commands can be copied."""
        if not self.as_json:
            self.out.print(Text(clean(text), style=style), soft_wrap=True)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table for a person."""
        if self.as_json:
            return
        table = Table(*headers, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*(Text(clean(cell)) for cell in row))
        self.out.print(table)

    def result(self, document: Any) -> None:
        """The document that a machine reads; escaped to ASCII, so that no name in it reaches a terminal raw."""
        if self.as_json:
            sys.stdout.write(json.dumps(plain(document), indent=2, allow_nan=False) + "\n")

    def fail(self, error: BaseException) -> typer.Exit:
        """Tell of an error; what is returned is to be raised, with the exit code."""
        if self.debug:
            self.err.print(Text(clean("".join(traceback.format_exception(error)))), soft_wrap=True)
        if isinstance(error, KeyboardInterrupt):
            error = Interrupted("stopped by Ctrl-C")
        if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
            error = DiskError.of(error)
        if isinstance(error, WarmstartError):
            code, found, expected, do = error.exit_code, error.found, error.expected, error.do
        else:
            code, found, expected = FAULT, f"{type(error).__name__}: {error}", ""
            do = "this is a fault of warmstart: please report it, with what --debug prints"
        if isinstance(error, Interrupted):
            do = self._how_to_go_on(do)
        for label, text, style in (("error", found, "bold red"), ("expected", expected, ""), ("what to do", do, "")):
            if text:
                self.err.print(Text.assemble((f"{label}: ", style or "bold"), clean(text)), soft_wrap=True)
        self.result({"error": {"kind": type(error).__name__, "found": found, "expected": expected, "do": do}})
        return typer.Exit(code)

    def _how_to_go_on(self, do: str) -> str:
        if "--resume" in do or not self.again:
            return do
        if self.listener.folder is None:
            return f"nothing was saved yet; to start again: {shlex.join(self.again)}"
        words = list(self.again)
        if "--out" in words:  # the run to go on with says where it lies
            at = words.index("--out")
            del words[at : at + 2]
        return f"to go on: {shlex.join([*words, '--resume', self.listener.folder])}"


@contextlib.contextmanager
def session(*, as_json: bool, debug: bool, again: Sequence[str] = ()) -> Iterator[Session]:
    """A session whose errors end the process with words and an exit code, instead of a traceback.

    `again` are the words that were typed, for whoever is told how to go on.
    """
    now = Session(as_json=as_json, debug=debug)
    now.again = again
    handler, log = _ConsoleHandler(now.err), logging.getLogger("warmstart")
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if debug else logging.WARNING)
    try:
        with now.listener:
            yield now
    except typer.Exit:
        raise
    except (Exception, KeyboardInterrupt) as error:
        raise now.fail(error) from None
    finally:
        log.removeHandler(handler)


class _ConsoleHandler(logging.Handler):
    """The library's log on stderr, above the progress bars."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.print(Text(clean(self.format(record)), style="yellow"), soft_wrap=True)
