"""A look at one image: how large it is, how it is stored, what it is a copy of."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

import numpy as np
from PIL import Image

from warmstart.data.lookalike import difference_hash, thumbnail
from warmstart.data.names import reason
from warmstart.errors import WarmstartError
from warmstart.preprocess.bands import Bands
from warmstart.preprocess.reader import Decoded, Source
from warmstart.preprocess.resample import stretched
from warmstart.preprocess.tiles import read_stored, stored_as

MISSING = "values without data, filled with the mean of their band"
"""What is unusual about bands that are not finite everywhere, or are "no data" by what the file says."""


@dataclasses.dataclass(frozen=True, slots=True)
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
    bands: tuple[str, ...] | None = None
    """Names of its bands, as far as they have any; `None` of a picture."""
    missing: float = 0.0
    """Share of the values of its bands that are not finite or "no data"."""


def look(source: Source, decoded: Decoded | Bands) -> Look:
    """What there is to say of a source that was read as `decoded`. Bands are looked at as they are stored.

    >>> from PIL import Image
    >>> look(Image.new("1", (6, 4)), Decoded.whole(Image.new("L", (6, 4)))).unusual
    ('1-bit expanded to black and white',)
    """
    if isinstance(decoded, Bands):
        return _look_at_bands(decoded)
    mode, unusual = stored_as(source)
    image = decoded.image
    digest = hashlib.blake2b(repr(decoded.size).encode(), digest_size=16)
    digest.update((image if image.mode == "RGB" else image.convert("RGB")).tobytes())  # grey stored as RGB is a copy
    grey = image.convert("L")
    return Look("", decoded.size, mode, unusual, digest.hexdigest(), (difference_hash(grey), thumbnail(grey)))


def _look_at_bands(bands: Bands) -> Look:
    values, gaps = bands.values, bands.missing()
    digest = hashlib.blake2b(f"{values.shape} {values.dtype}".encode(), digest_size=16)
    digest.update(values.tobytes())
    # Of every band, for tiles that look the same in visible light may differ in what they are about.
    grey = Image.fromarray(stretched(values).mean(2).round().astype(np.uint8))
    return Look(
        size=bands.size,
        mode=str(bands.header),
        unusual=() if gaps is None else (MISSING,),
        pixels=digest.hexdigest(),
        outline=(difference_hash(grey), thumbnail(grey)),
        bands=bands.names,
        missing=0.0 if gaps is None else float(gaps.mean()),
    )


def read_and_look(source: Source) -> Look:
    """Decode one image and look at it; an image that cannot be read gives a `Look` with the reason."""
    try:
        return look(source, read_stored(source))
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
