"""Writing a folder so that it is there whole or not at all, and reading files only if they are what was written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from warmstart.errors import BundleError, RunError
from warmstart.files import sync, writing


def sha256(content: bytes) -> str:
    """Hex digest of the content of a file."""
    return hashlib.sha256(content).hexdigest()


def refuse_existing(folder: Path) -> None:
    """Raise `RunError` if something lies at `folder`: nothing that exists is overwritten."""
    if os.path.lexists(folder):
        raise RunError(f"{folder} exists already", expected="a new name", do="name another one, or move it away")


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder`, which takes its name when the block ends without an error.

    Every file is synced before the rename, so a power cut leaves the old state or the new one. On an error nothing
    stays. Raises `RunError` if `folder` exists, and `DiskError` if it cannot be written.
    """
    refuse_existing(folder)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            yield temporary
            for path in temporary.iterdir():
                sync(path)
            sync(temporary)
            temporary.chmod(0o755)  # mkdtemp makes it private; the bundle is as readable as any other folder
            refuse_existing(folder)
            temporary.rename(folder)
            sync(folder.parent)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def verified(folder: Path, name: str, expected: str) -> bytes:
    """Content of a file, read once and returned only if its sum is the expected one, else `BundleError`.

    What is checked and what is used are the same bytes: the file cannot change in between.
    """
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise BundleError(f"{folder / name} cannot be read: {error}", do="copy the bundle again, whole") from error
    if sha256(content) != expected:
        raise BundleError(
            f"{folder / name} was changed or damaged",
            expected=f"sha256 {expected}",
            do="copy the bundle again from where it was made; do not edit its files",
        )
    return content
