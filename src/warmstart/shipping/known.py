"""What the training samples of a bundle's bank are called: an optional file, for explanations by likeness.

Names are those of the data, such as a path below its root: who must not hand them on leaves them out
(`fit(anonymous=True)`, `--anonymous`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from warmstart.data.schema import Sample
from warmstart.data.tasklabels import TaskLabels

NAME = "known.json"


@dataclasses.dataclass(frozen=True)
class Known:
    """A training sample: its name in the data, and its label in words."""

    name: str
    label: str

    @classmethod
    def of(cls, sample: Sample) -> Known:
        """Of a sample.

        >>> Known.of(Sample("a.png", "a.png", ("red", "round")))
        Known(name='a.png', label='red, round')
        """
        return cls(sample.id, in_words(sample.label))


def in_words(label: object) -> str:
    """A label as text; empty where there is none."""
    if isinstance(label, TaskLabels):
        pairs = zip(label.tasks, label.values, strict=True)
        return ", ".join(f"{task}: {in_words(value)}" for task, value in pairs if value is not None)
    if isinstance(label, tuple | list):
        return ", ".join(map(in_words, label))
    if isinstance(label, float):
        return f"{label:.6g}"
    return "" if label is None else str(label)


def to_bytes(known: Sequence[Known]) -> bytes:
    """As the content of a JSON file: name and label of each row of the bank."""
    return json.dumps([[one.name, one.label] for one in known], ensure_ascii=False).encode("utf-8", "surrogatepass")


def from_bytes(content: bytes, rows: int) -> tuple[Known, ...]:
    """Inverse of `to_bytes`, for a bank of so many rows. Raises `ValueError` or `TypeError` where it is not that."""
    found = json.loads(content.decode("utf-8", "surrogatepass"))
    if not isinstance(found, list) or len(found) != rows:
        raise ValueError(f"names of training samples that are not those of {rows} rows")
    return tuple(Known(str(name), str(label)) for name, label in found)
