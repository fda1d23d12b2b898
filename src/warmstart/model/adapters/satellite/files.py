"""What suppliers of `ARCHITECTURE@FILE` share: the two parts of the name, and the tensors of the file in a module."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from torch import Tensor, nn

from warmstart.errors import BackboneError, nearest
from warmstart.model.adapters.at_file import existing, split
from warmstart.model.reconcile import load_state
from warmstart.model.weights import read_checkpoint


def parted(scheme: str, name: str, known: Collection[str]) -> tuple[str, str]:
    """Architecture and file of `ARCHITECTURE@FILE`; the file is empty where there is none.

    Raises:
        BackboneError: the architecture is not known.

    >>> parted("satmae", "rgb-large@a/b.pth", ("rgb-large",))
    ('rgb-large', 'a/b.pth')
    """
    architecture, file = split(name)
    if architecture not in known:
        raise BackboneError(
            f"no backbone is called '{scheme}:{architecture}'",
            expected=f"one of {', '.join(known)}, with @FILE behind it",
            do=f"the nearest: {nearest(architecture, known)}",
        )
    return architecture, file


def tensors_of(uri: str, file: str, under: tuple[str, ...]) -> dict[str, Tensor]:
    """The tensors of the checkpoint `file`, for the backbone `uri`.

    Args:
        uri: what an error calls the backbone.
        file: its place.
        under: what the names of the wanted network may begin with in the file; of these, the first that is there is
            taken. A file without any holds the network alone.

    Raises:
        BackboneError: no file is named, or it is not there, or it holds something other than tensors.
    """
    every = read_checkpoint(existing(file, uri))
    found = ({name: t for name, t in every.items() if name.startswith(prefix)} for prefix in under)
    return next((tensors for tensors in found if tensors), every)


def fill(module: nn.Module, tensors: Mapping[str, Tensor], file: str, *, new: Collection[str] = ()) -> str:
    """Put the tensors of `file` in the module, every one but those that are `new`; what became of them, in words.

    Raises:
        BackboneError: something else is missing, or of another shape.
    """
    done = load_state(module, tensors, origin=file)
    lost = [name for name in done.missing if name not in new]
    if lost:
        raise BackboneError(
            f"{file} has no {lost[0]!r}, and {len(lost)} tensors of this architecture are missing in all",
            expected=f"all but {', '.join(new)}" if new else "all of them",
            do="name the architecture that the file was trained with",
        )
    return f"{Path(file).name}: {done.text}"
