"""Small files that are there as a whole or not at all. Every room may use this."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from warmstart.errors import DiskError


def sync(path: Path) -> None:
    """Have the kernel write a file, or a folder's entries, to the disk; systems that cannot open folders do without."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the disk refuses in the block is raised as a `DiskError` about `path`; its own words stay."""
    try:
        yield
    except OSError as error:
        raise DiskError.of(error, path) from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 to a temporary name beside `path`, sync, and rename; a reader never sees half of it.

    Raises `DiskError` where that cannot be done; what was there before is still there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object, keys in the order given."""
    write_text(path, json.dumps(content, indent=1))


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None if there is no such file or it is not whole."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def folder_name(name: str) -> str:
    """A name that any file system takes and no other name shares; a plain one (a-z, digits, `_`, `-`) as it is.

    >>> folder_name("lp_ft"), folder_name("finetune?epochs=3")
    ('lp_ft', 'finetune-epochs-3-08ae7134')
    """
    plain = re.sub(r"[^a-z0-9_-]+", "-", name.lower())[:60]
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
