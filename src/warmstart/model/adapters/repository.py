"""A published model as files: a repository of the Hugging Face hub, in its cache or fetched, or a folder like one."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import yaml

from warmstart.errors import BackboneError
from warmstart.model import hub

_NAME = re.compile(r"(?P<repo>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?")
_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*$", re.DOTALL | re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Repository:
    """Where the files of a model lie: in `folder`, or on the hub under `repo` at `revision`."""

    repo: str
    revision: str | None = None
    folder: Path | None = None

    @classmethod
    def of(cls, name: str) -> Repository:
        """From `ORG/NAME`, `ORG/NAME@REVISION` or `./FOLDER`.

        >>> Repository.of("facebook/dinov2-small@main")
        Repository(repo='facebook/dinov2-small', revision='main', folder=None)
        """
        if name.startswith((".", "/", "~")):
            folder = Path(name).expanduser()
            if not folder.is_dir():
                raise BackboneError(f"there is no folder {name!r}", expected="a folder with config.json and weights")
            return cls(name, folder=folder)
        found = _NAME.fullmatch(name)
        if found is None:
            raise BackboneError(f"'hf:{name}' names no model", expected="hf:ORG/NAME, or hf:./FOLDER")
        return cls(found["repo"], found["revision"])

    def file(self, *names: str) -> Path:
        """The first of some files that is there.

        Raises:
            BackboneError: there is none, or it is not on this machine and cannot be fetched.
        """
        try:
            return self._path(names)
        except OSError as error:
            if self.folder is not None:
                raise BackboneError(
                    f"folder {self.repo!r} holds no {' or '.join(names)}", do="save the model there again"
                ) from error
            raise BackboneError(
                f"{self.repo!r} is not on this machine and could not be fetched ({error})",
                expected=f"{names[0]} in the cache of the Hugging Face hub, or a network to fetch it",
                do=f"on a machine with a network run `hf download {self.repo}` and copy its cache folder here",
            ) from error

    def json(self, *names: str) -> dict[str, Any]:
        """The content of the first of some files that is there; empty where there is none."""
        path = self._maybe(names)
        if path is None:
            return {}
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BackboneError(f"{path} is not JSON: {error}", do="fetch or save the model again") from error
        return found if isinstance(found, dict) else {}

    def facts(self) -> dict[str, Any]:
        """What stands at the head of its model card (README.md): licence, data sets."""
        path = self._maybe(("README.md",))
        found = _FRONT_MATTER.match(path.read_text(encoding="utf-8", errors="replace")) if path is not None else None
        try:
            facts = yaml.safe_load(found[1]) if found else {}
        except yaml.YAMLError:
            return {}
        return facts if isinstance(facts, dict) else {}

    def origin(self, file: Path) -> str:
        """In words, with the commit that `file` belongs to where that is known."""
        if self.folder is not None:
            return f"folder {self.folder.name}"
        commit = file.parent.name if file.parent.parent.name == "snapshots" else self.revision or "unknown"
        return f"https://huggingface.co/{self.repo}, revision {commit}"

    def _path(self, names: tuple[str, ...]) -> Path:
        if self.folder is None:
            return hub.fetch(self.repo, names, self.revision)
        found = [self.folder / name for name in names if (self.folder / name).is_file()]
        if not found:
            raise FileNotFoundError(names[0])
        return found[0]

    def _maybe(self, names: tuple[str, ...]) -> Path | None:
        try:
            return self._path(names)
        except OSError:
            return None
