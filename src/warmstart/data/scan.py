"""A look at one image: how large it is, how it is stored, what it is a copy of."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

from warmstart.data.lookalike import difference_hash, thumbnail
from warmstart.data.names import reason
from warmstart.errors import WarmstartError
from warmstart.preprocess.reader import Decoded, Source, decode, stored_as


@dataclasses.dataclass(frozen=True)
class Look:
    """What is known of one image; `error` says why nothing is."""

    error: str = ""
    size: tuple[int, int] = (0, 0)
    """(width, height), upright."""
    mode: str = ""
    """How its pixels are stored."""
    unusual: tuple[str, ...] = ()
    """What had to be converted, in words."""
    pixels: str = ""
    """Hash of the decoded pixels: equal for copies, also in another format without loss if decoded in full."""
    outline: tuple[int, bytes] = (0, b"")
    """Difference hash and thumbnail, by which look-alikes are found."""


def look(source: Source, decoded: Decoded) -> Look:
    """What there is to say of a source that was read as `decoded`.

    >>> from PIL import Image
    >>> look(Image.new("1", (6, 4)), Decoded.whole(Image.new("L", (6, 4)))).unusual
    ('1-bit expanded to black and white',)
    """
    mode, unusual = stored_as(source)
    image = decoded.image
    digest = hashlib.blake2b(repr(decoded.size).encode(), digest_size=16)
    digest.update((image if image.mode == "RGB" else image.convert("RGB")).tobytes())  # grey stored as RGB is a copy
    grey = image.convert("L")
    return Look("", decoded.size, mode, unusual, digest.hexdigest(), (difference_hash(grey), thumbnail(grey)))


def read_and_look(source: Source) -> Look:
    """Decode one image and look at it; an image that cannot be read gives a `Look` with the reason."""
    try:
        return look(source, decode(source))
    except WarmstartError as error:
        return Look(error=reason(error, source))


def alike(keys: Mapping[int, str]) -> list[list[int]]:
    """Indices with the same key, for each key that occurs more than once; an empty key is like no other.

    >>> alike({0: "a", 1: "b", 2: "a", 3: "", 4: ""})
    [[0, 2]]
    """
    found: dict[str, list[int]] = {}
    for i, key in keys.items():
        if key:
            found.setdefault(key, []).append(i)
    return [members for members in found.values() if len(members) > 1]
