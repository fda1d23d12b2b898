"""The two ways in which a user meets a fault: the command line and Python. Both are to say the same."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from typer.testing import CliRunner

import warmstart
from warmstart.cli.main import app
from warmstart.cli.text import plain
from warmstart.engine.events import Decided, Event
from warmstart.errors import WarmstartError


@dataclasses.dataclass(frozen=True)
class Said:
    """What came of a command: its exit code, its result as plain data, and all that was told, errors too."""

    code: int
    result: Any
    words: str

    def told(self, *parts: str) -> bool:
        """Whether all of these were told."""
        return all(part in self.words for part in parts)


Way = Callable[..., Said]


def by_cli(command: str, *given: Any, **options: Any) -> Said:
    """`warmstart COMMAND GIVEN --options --json`, in this process."""
    words = [command]
    for one in given:
        words += map(str, one) if isinstance(one, list | tuple) else [str(one)]
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        words += [flag] if value is True else [flag, str(value)]
    done = CliRunner().invoke(app, [*words, "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    result = json.loads(done.stdout) if done.stdout.strip() else None
    return Said(done.exit_code, result, f"{json.dumps(result, ensure_ascii=False)}\n{done.stderr}")


def by_python(command: str, *given: Any, **options: Any) -> Said:
    """`warmstart.command(*given, **options)`."""
    heard: list[str] = []

    def listener(event: Event) -> None:
        if isinstance(event, Decided):
            heard.append(event.text)

    try:
        found = getattr(warmstart, command)(*given, **options, listener=listener)
    except WarmstartError as error:
        return Said(error.exit_code, None, "\n".join([error.found, error.expected, error.do, *heard]))
    result = _plain(found)
    return Said(0, result, "\n".join([json.dumps(result, ensure_ascii=False, default=str), *heard]))


def _plain(found: Any) -> Any:
    for name in ("outcome", "comparison"):
        if hasattr(found, name):
            return {**plain(getattr(found, name)), "folder": str(found.folder)}
    if hasattr(found, "to_dict"):
        return {**plain(found.to_dict()), "problems": list(getattr(found, "problems", ()))}
    return plain(found)


def table(to: Path, **columns: list[Any]) -> Path:
    """A CSV file with these columns."""
    pd.DataFrame(columns).to_csv(to, index=False)
    return to
