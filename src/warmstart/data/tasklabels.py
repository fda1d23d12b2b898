"""The label of a sample that has one for each of several tasks."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class TaskLabels:
    """One label for each of several tasks, `None` where a task has none for this sample.

    >>> TaskLabels(("species", "weight"), ("cat", None))["species"]
    'cat'
    """

    tasks: tuple[str, ...]
    values: tuple[Any, ...]

    def __getitem__(self, task: str) -> Any:
        return self.values[self.tasks.index(task)]

    @property
    def names(self) -> tuple[str, ...]:
        """Its classes and labels, each behind the name of its task; none of numbers.

        >>> TaskLabels(("species", "weight"), ("cat", (4.5,))).names
        ('species: cat',)
        """
        found: list[str] = []
        for task, value in zip(self.tasks, self.values, strict=True):
            own = (value,) if isinstance(value, str) else value or ()
            found += [named(task, name) for name in own if isinstance(name, str)]
        return tuple(found)


def named(task: str, name: str) -> str:
    """What a class of one of several tasks is called among those of all.

    >>> named("species", "cat")
    'species: cat'
    """
    return f"{task}: {name}"
