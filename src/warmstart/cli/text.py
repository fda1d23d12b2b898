"""Text that comes from data, made safe to print, and plain forms of what the library returns."""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_UNSEEN = {"Cc", "Cf", "Cs", "Co"}  # control, format (bidirectional overrides), lone surrogates, private use
_JOINERS = {"\u200c", "\u200d"}  # belong to the spelling of Persian, Hindi and emoji


def clean(text: object) -> str:
    r"""`text` with whatever could steer a terminal shown as its code; line ends and tabs stay.

    A file or class may be named with escape sequences that recolour, retitle or overwrite; a name is only ever shown.

    >>> clean("cat\x1b[2J")
    'cat\\x1b[2J'
    """
    return "".join(
        c
        if c in "\n\t" or c in _JOINERS or unicodedata.category(c) not in _UNSEEN
        else c.encode("unicode_escape").decode("ascii")
        for c in str(text)
    )


def plain(thing: Any) -> Any:
    """`thing` as what `json.dumps` takes: data classes and models become dicts, arrays lists, paths strings.

    JSON has no NaN and no infinity: they become null.

    >>> plain({"folder": Path("runs"), "shape": (1, 2)})
    {'folder': 'runs', 'shape': [1, 2]}
    """
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        return {field.name: plain(getattr(thing, field.name)) for field in dataclasses.fields(thing)}
    if hasattr(thing, "model_dump"):
        return thing.model_dump(mode="json")
    if hasattr(thing, "tolist"):
        return plain(thing.tolist())
    if isinstance(thing, Mapping):
        return {str(key): plain(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple, set, frozenset)):
        return [plain(value) for value in thing]
    if isinstance(thing, float) and not math.isfinite(thing):
        return None
    return str(thing) if isinstance(thing, Path) else thing


def number(value: float | None) -> str:
    """A metric to three places, or a dash where there is none.

    >>> number(0.75), number(None)
    ('0.750', '-')
    """
    return "-" if value is None else f"{value:.3f}"


def in_words(answer: Any) -> str:
    """An answer as one cell: a name, a probability or number, several of them.

    >>> in_words(0.75), in_words(["red", "round"]), in_words([]), in_words(None)
    ('0.750', 'red, round', 'none', '-')
    """
    if answer is None or isinstance(answer, float):
        return number(answer)
    if isinstance(answer, list):
        return ", ".join(str(part) for part in answer) or "none"
    return str(answer)


def interval(value: Mapping[str, float] | None) -> str:
    """A value with its 95 % interval.

    >>> interval({"value": 0.75, "low": 0.7, "high": 0.8})
    '0.750 (0.700 to 0.800)'
    """
    return "-" if value is None else f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})"


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> duration(4.2), duration(75), duration(3700)
    ('4.2 s', '1 min 15 s', '1 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def of(backbone: str | None) -> str:
    """How a command says which backbone was asked for; nothing where none was.

    >>> of("toy")
    ' with backbone toy'
    """
    return "" if backbone is None else f" with backbone {backbone}"
