"""A look at one text: how long it is, in which script, what it is a copy of, and whether it was damaged on its way."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from warmstart.data.minhash import signature
from warmstart.data.names import reason
from warmstart.data.scan import Look
from warmstart.data.schema import Dataset, Text
from warmstart.data.sources.textfile import read_text
from warmstart.errors import DataError

_SHORT = 3
SHORT = f"have fewer than {_SHORT} words"
GARBLED = "were read in another encoding than they were written in (Ã© for é)"
LOST = "hold characters that were lost on the way (�)"
MARKUP = "hold HTML markup"
"""What is unusual about texts."""

_GARBLED = re.compile("Ã[\u0080-\u00aa\u00ac-\u00ba\u00bc-\u00bf]|â€[\u0090-\u00bf\u0152-\u2122]|Â[\u00a0-\u00bf]")
"""UTF-8 of two or three bytes that was taken for Windows-1252. Ã before a quotation mark is Portuguese."""
_MARKUP = re.compile(r"<(?:br|p|div|a|b|i|span|img|li|td|h[1-6])\b[^<>]*>", re.IGNORECASE)
_LETTERS = 64
"""Letters by which the script is told."""


@dataclasses.dataclass(frozen=True, slots=True)
class TextLook(Look):
    """What is known of one text, or pair. `size` is (characters, words), and `pixels` the hash of what it says."""

    signature: bytes = b""
    """By which near copies are found (`warmstart.data.minhash`)."""
    script: str = ""
    """Of most of its letters: Latin, Cyrillic, Han, ...; empty without any."""


def read_texts(dataset: Dataset, progress: Callable[[int], None] | None = None) -> list[Look]:
    """A look at each sample of texts, for `warmstart.data.audit.audit_of`; a file that is no text has an error.

    Args:
        dataset: samples of texts.
        progress: called with 1 after each.
    """
    looks: list[Look] = []
    for sample in dataset.samples:
        looks.append(look_at_text(sample.source))
        if progress is not None:
            progress(1)
    return looks


def look_at_text(source: Text | Path) -> Look:
    """What there is to say of a text. A path is that of a file that could not be read, and has an error.

    Texts that differ only in upper and lower case and in white space are copies.

    >>> look_at_text(Text(("It  rains.",))).pixels == look_at_text(Text(("it rains.",))).pixels
    True
    """
    if isinstance(source, Path):
        return Look(error=_why_not(source))
    parts = [" ".join(part.casefold().split()) for part in source.parts]
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
    text, words = str(source), sum(len(part.split()) for part in parts)
    return TextLook(
        size=(sum(map(len, source.parts)), words),
        mode="text",
        unusual=_unusual(text, words),
        pixels=digest,
        signature=signature("\n".join(parts)),
        script=_script(text),
    )


def _why_not(path: Path) -> str:
    try:
        read_text(path)
    except DataError as error:
        return reason(error, path)
    return "could not be read when the data was loaded, and can be now"


def _unusual(text: str, words: int) -> tuple[str, ...]:
    script = _script(text)
    found = {
        SHORT: words < _SHORT and script not in _WITHOUT_SPACES,
        GARBLED: _GARBLED.search(text) is not None,
        LOST: "�" in text,
        MARKUP: _MARKUP.search(text) is not None,
    }
    return tuple(what for what, is_so in found.items() if is_so)


_WITHOUT_SPACES = {"Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar"}
_NAMED = {"Cjk": "Han"}


def _script(text: str) -> str:
    """The script of most of the first letters, by their names in Unicode."""
    if text.isascii():
        return "Latin" if any(map(str.isalpha, text)) else ""
    letters = (c for c in text if c.isalpha())
    counts = Counter(_script_of(c) for c, _ in zip(letters, range(_LETTERS), strict=False))
    return counts.most_common(1)[0][0] if counts else ""


@lru_cache(maxsize=1 << 14)
def _script_of(letter: str) -> str:
    name = unicodedata.name(letter, "other").split()[0].split("-")[0].title()
    return _NAMED.get(name, name)
