"""The beginning of a text, short enough to stand in a report."""

from __future__ import annotations

from warmstart.data.names import clean
from warmstart.data.schema import Text

MOST = 300
"""Characters of a text, or of the two of a pair together."""


def excerpt(text: Text, most: int = MOST) -> tuple[str, ...]:
    r"""The beginning of each part, on one line, without control characters, cut between two words where it has some.

    >>> excerpt(Text(("It was a bright\n cold day in April.", "A\x1b[31mday")), most=40)
    ('It was a bright cold …', 'A�[31mday')
    """
    return tuple(_beginning(clean(" ".join(part.split())), most // len(text.parts)) for part in text.parts)


def _beginning(line: str, most: int) -> str:
    if len(line) <= most:
        return line
    words = line[: most + 1].rpartition(" ")[0]
    return f"{words} …" if 2 * len(words) > most else f"{line[:most]}…"  # a script without spaces
