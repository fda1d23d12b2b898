"""What a user says of the tasks: one word for all labels, or a kind for each column of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

from warmstart.data.several import KINDS
from warmstart.data.targets import TaskName
from warmstart.errors import DataError, nearest

Kinds = Mapping[str, TaskName]
"""What is asked of each task, by its name."""
NONE: Kinds = {}


def tasks_said(task: str | None) -> tuple[TaskName | None, Kinds]:
    """(the task, and of several what each column poses) from what the user says.

    Raises:
        DataError: there is no such task, or none of the kind among several.

    >>> tasks_said("species=classify,weight=regress")
    ('several', {'species': 'classify', 'weight': 'regress'})
    >>> tasks_said("tag"), tasks_said(None)
    (('tag', {}), (None, {}))
    """
    if task is None:
        return None, NONE
    if "=" not in task:
        return cast(TaskName, _known(task, get_args(TaskName))), NONE
    kinds: dict[str, TaskName] = {}
    for part in task.split(","):
        name, _, kind = (word.strip() for word in part.rpartition("="))
        if not name or name in kinds:
            raise DataError(
                f"the task {task!r}", expected="a kind for each column, once: species=classify,weight=regress"
            )
        kinds[name] = cast(TaskName, _known(kind, KINDS))
    return "several", kinds


def _known(task: str, known: tuple[str, ...]) -> str:
    if task not in known:
        raise DataError(
            f"there is no task {task!r}{' among several' if known == KINDS else ''}",
            expected=f"one of {', '.join(known)}; for several NAME=KIND,NAME=KIND",
            do=f"the nearest: {nearest(task, known)}",
        )
    return task
