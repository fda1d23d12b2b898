"""The closed-form head of a task, of features that are read in blocks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from warmstart.data.batches import Rows
from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.blocks.numbers import fit_numbers
from warmstart.engine.heads.blocks.registry import in_blocks
from warmstart.engine.heads.blocks.standard import BlockProblem
from warmstart.engine.heads.select import best_of
from warmstart.task.base import Task

_TASKS = ("classify", "multilabel", "regress")


def can(task: Task, names: Sequence[str]) -> bool:
    """Whether the heads called `names` of a task can be fitted so."""
    return task.name in _TASKS and (set(names) <= set(in_blocks) or (task.name != "classify" and "wide" not in names))


def fit_in_blocks(
    task: Task,
    rows: Rows,
    targets: Tensor,
    outputs: int,
    names: Sequence[str] = ("blend",),
    seed: int = 0,
    *,
    at_once: int | None = None,
) -> FittedHead:
    """What `warmstart.engine.heads.of_task.fit_head` gives of features (n, d), of which `at_once` rows are held.

    Raises `TrainingError` as that does.
    """
    if task.name != "classify":
        return fit_numbers(rows, targets, labels=task.name == "multilabel", at_once=at_once)
    problem = BlockProblem.of(rows, targets, outputs, at_once=at_once)
    return best_of([in_blocks[name](problem, seed=seed) for name in names], targets)
