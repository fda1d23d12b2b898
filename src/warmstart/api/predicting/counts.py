"""What became of the inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any


@dataclasses.dataclass
class Counts:
    """How many inputs were answered, and how many not, and why. Each is answered, abstained from, or unreadable."""

    answered: int = 0
    abstained: int = 0
    unreadable: int = 0
    unknown: int = 0
    """Of those that could be read, how many look like nothing that was trained on."""

    @property
    def inputs(self) -> int:
        """All of them."""
        return self.answered + self.abstained + self.unreadable

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one row."""
        if row["error"] is not None:
            self.unreadable += 1
        elif row.get("abstained"):
            self.abstained += 1
        else:
            self.answered += 1
        self.unknown += row.get("unknown") is True


def counted(rows: Iterable[Mapping[str, Any]]) -> Counts:
    """The counts of rows.

    >>> counted([{"error": None, "unknown": True}, {"error": "cannot be read"}])
    Counts(answered=1, abstained=0, unreadable=1, unknown=1)
    """
    counts = Counts()
    for row in rows:
        counts.add(row)
    return counts
