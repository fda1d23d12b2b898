"""The folder of one run. A new run never writes into an existing one; a resumed run must be the same run."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from warmstart.errors import RunError
from warmstart.files import write_json
from warmstart.report.runlog import refuse_busy

CONFIG = "run.json"


def free_folder(stem: Path, out: str | Path | None) -> Path:
    """Make and return a new folder: `out`, which must not exist, or the next free `<stem>-NNN`.

    Raises:
        RunError: it is there, or cannot be made.
    """
    try:
        return _made(stem, out)
    except OSError as error:
        raise RunError(
            f"the run folder cannot be made: {error}", expected="a place that can be written", do="name it with --out"
        ) from error


def _made(stem: Path, out: str | Path | None) -> Path:
    if out is not None:
        folder = refuse_existing(out)
        folder.mkdir(parents=True)
        return folder
    for number in range(1, 1000):
        folder = stem.with_name(f"{stem.name}-{number:03d}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise RunError(f"{stem}-001 to -999 exist all", do="move old ones away, or name a folder with --out")


def refuse_existing(out: str | Path) -> Path:
    """`out` as a path. Raises `RunError` if anything is there already."""
    folder = Path(out)
    if folder.exists():
        raise RunError(
            f"{folder} exists already",
            expected="a folder that does not exist yet",
            do=f"choose another --out, or go on with that run: --resume {folder}",
        )
    return folder


def check_folder(
    config: dict[str, Any], *, out: str | Path | None, resume: str | Path | None, once: bool = True
) -> None:
    """Raise `RunError` where `open_folder` could not give a folder: to be asked before time is spent on the data.

    `once`: a run that has its results is over, and is not gone on with.
    """
    if resume is not None:
        refuse_busy(Path(resume))
        _check_same(Path(resume), config)
        if once and (Path(resume) / "results.json").exists():
            report = Path(resume) / "report.html"
            raise RunError(f"the run in {resume} is finished", do=f"open {report}, or start a new run")
    elif out is not None:
        refuse_existing(out)


def open_folder(name: str, config: dict[str, Any], *, out: str | Path | None, resume: str | Path | None) -> Path:
    """The folder to work in: a new one that records `config`, or the one to resume, whose config must be the same."""
    if resume is not None:
        return Path(resume)
    folder = free_folder(Path("runs") / name, out)
    write_json(folder / CONFIG, config)
    return folder


def _check_same(folder: Path, config: dict[str, Any]) -> None:
    try:
        before = json.loads((folder / CONFIG).read_text())
    except (OSError, ValueError) as error:
        raise RunError(
            f"{folder} cannot be resumed: {error}", expected=f"a run folder that holds {CONFIG}", do="start a new run"
        ) from error
    changed = [key for key in config if before.get(key) != json.loads(json.dumps(config[key]))]
    if changed:
        raise RunError(
            f"{folder} was started with other values: "
            + ", ".join(f"{key}={before.get(key)!r} (now {config[key]!r})" for key in changed),
            expected="the same data and options as the run that is resumed",
            do=f"{_as_before({key: before.get(key) for key in changed})}, or start a new run",
        )


def _as_before(values: dict[str, Any]) -> str:
    """What is to be typed, and what not, for options to be as they were; of others than options in general words.

    >>> _as_before({"tile": 256, "task": None, "accept_licence": True})
    'give --tile 256 --accept-licence and leave out --task'
    >>> _as_before({"weights": "0a1b"})
    'give the same options again'
    """
    given, left = [], []
    for key, value in values.items():
        name = f"--{key.replace('_', '-')}"
        if value is None or value is False:
            left.append(name)
        elif not isinstance(value, dict | list) and key != "weights":
            given += [name] if value is True else [name, str(value)]
    parts = (f"give {shlex.join(given)}" if given else "", f"leave out {', '.join(left)}" if left else "")
    return " and ".join(filter(None, parts)) or "give the same options again"
