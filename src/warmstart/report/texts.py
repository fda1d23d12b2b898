"""Texts in a report: the beginning of one, and the terms that tell classes apart."""

from __future__ import annotations

from warmstart.data.names import clean
from warmstart.data.schema import Text
from warmstart.evaluation.outcome import Outcome
from warmstart.report.audited import CLASSES

MOST = 300
"""Characters of a text, or of the two of a pair together."""


def telling(outcome: Outcome) -> list[tuple[str, list[str]]]:
    """The terms that speak for each of the 40 first classes, by the attempt that counts terms; empty without one."""
    told = next((rung.terms for rung in outcome.rungs if rung.terms), ())
    rows = zip(outcome.classes, told, strict=False)
    return [(name, [clean(term) for term in terms]) for name, terms in rows if terms][:CLASSES]


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
