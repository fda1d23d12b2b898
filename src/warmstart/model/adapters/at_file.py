"""`ARCHITECTURE@FILE`, as the names of backbones have it whose weights lie in a file."""

from __future__ import annotations

from pathlib import Path

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import name_in_uri


def split(name: str) -> tuple[str, str]:
    """Architecture and file, which is empty where there is none.

    >>> split("resnet50@weights/best.h5"), split("vgg16")
    (('resnet50', 'weights/best.h5'), ('vgg16', ''))
    """
    wanted, _, file = name.partition("@")
    return wanted, file


def called(scheme: str, architecture: str, file: str) -> str:
    """The URI for the card: of the file its name alone, as its folder means nothing elsewhere.

    >>> called("keras", "resnet50", "weights/best.h5"), called("satmae", "rgb-large", "")
    ('keras:resnet50@best.h5', 'satmae:rgb-large')
    """
    return f"{scheme}:{architecture}@{name_in_uri(Path(file))}" if file else f"{scheme}:{architecture}"


def existing(file: str, uri: str) -> Path:
    """The path of a file that pretrained weights are to come from.

    Raises:
        BackboneError: none is named.
    """
    if not file:
        raise BackboneError(
            f"backbone {uri!r} names no file with its weights",
            expected=f"{uri}@FILE",
            do=f"name the file behind an @, or use '{uri}?pretrained=false' for random weights",
        )
    return Path(file).expanduser()
