"""Checkpoints: one safetensors file each, with its state as JSON in the header. No pickle, nothing in it can execute.

What holds at every moment, also after a kill -9 or on a full disk:
- a file is written under a temporary name, synced, and only then renamed: a name never points to half a file;
- the last checkpoint that was replaced stays as `previous`, and is read when `last` turns out to be damaged;
- `last` and `best` are never rotated away;
- a checksum over tensors and state tells a damaged file from a whole one; a damaged file is never used in part.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from warmstart.errors import RunError
from warmstart.files import sync
from warmstart.model.weights import state_sha256

log = logging.getLogger(__name__)

SPARE = 16 << 20  # bytes that stay free on the disk


@dataclasses.dataclass(frozen=True)
class Record:
    """Tensors by name, and JSON-able state."""

    tensors: dict[str, Tensor]
    state: dict[str, Any]

    @property
    def size(self) -> int:
        """Bytes of all tensors."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.tensors.values())

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors under `name/`, without that prefix."""
        prefix = f"{name}/"
        return {key.removeprefix(prefix): tensor for key, tensor in self.tensors.items() if key.startswith(prefix)}


def under(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with `name/` before each of their names; `Record.part` is the inverse."""
    return {f"{name}/{key}": tensor for key, tensor in tensors.items()}


def ensure_space(folder: Path, needed: int) -> None:
    """Raise `RunError` unless the disk of `folder` has `needed` bytes, and a little more, to spare."""
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE:
        raise RunError(
            f"{free / 1e6:.0f} MB are free on the disk of {folder}",
            expected=f"{(needed + SPARE) / 1e6:.0f} MB for a checkpoint",
            do="free some space, or choose a folder on another disk; the checkpoints written so far are intact",
        )


def write(path: Path, record: Record, *, previous: Path | None = None) -> None:
    """Write `record` to `path`, atomically; what was there before is kept as `previous` if that is given.

    Raises `RunError` when the disk is full; whatever was at `path` is then still there, whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    ensure_space(path.parent, record.size)
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in record.tensors.items()}
    state = json.dumps(record.state, sort_keys=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        save_file(tensors, temporary, metadata={"state": state, "sha256": _checksum(tensors, state)})
        sync(temporary)
        if previous is not None and path.exists():
            path.replace(previous)
        temporary.replace(path)
        sync(path.parent)
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"checkpoint {path} could not be written: {error}",
            do="make room on the disk or check the folder's permissions; earlier checkpoints are intact",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def read(path: Path) -> Record | None:
    """The record at `path`; None if there is none, or if it is damaged (which is logged)."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        if header["sha256"] == _checksum(tensors, header["state"]):
            return Record(tensors, json.loads(header["state"]))
        reason = "its checksum does not match"
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        reason = str(error)
    log.warning("checkpoint %s is damaged (%s) and will not be used", path, reason)
    return None


@dataclasses.dataclass(frozen=True)
class PhaseFolder:
    """The checkpoints of one phase: `last`, the one before it, and `best`."""

    folder: Path

    @property
    def last(self) -> Path:
        """Everything needed to go on."""
        return self.folder / "last.safetensors"

    @property
    def previous(self) -> Path:
        """What `last` was before."""
        return self.folder / "previous.safetensors"

    @property
    def best(self) -> Path:
        """The best weights by validation, complete."""
        return self.folder / "best.safetensors"

    def save_last(self, record: Record) -> None:
        """Replace `last`; the old one becomes `previous`."""
        write(self.last, record, previous=self.previous)

    def save_best(self, record: Record) -> None:
        """Replace `best`."""
        write(self.best, record)

    def load_last(self) -> Record | None:
        """`last`, or `previous` where `last` is missing or damaged, or None."""
        return read(self.last) or read(self.previous)

    def load_best(self) -> Record | None:
        """`best`, or None where it is missing or damaged."""
        return read(self.best)


def _checksum(tensors: Mapping[str, Tensor], state: str) -> str:
    return hashlib.sha256(f"{state_sha256(dict(tensors))}\n{state}".encode()).hexdigest()
