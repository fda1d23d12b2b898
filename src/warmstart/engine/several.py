"""Which recipes make sense of several tasks, and which of one alone: known before anything is trained."""

from __future__ import annotations

import importlib.util

from warmstart.errors import MissingExtraError, RecipeError
from warmstart.recipe.of_backbone import Contrastive, Supervised
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.task.base import Task

_BY_GRADIENTS = ("pcgrad", "cagrad", "nashmtl", "upgrad")


def refuse_for_several(recipe: Recipe, task: Task) -> None:
    """Raise `RecipeError` for a recipe that balances tasks where there is one, or that knows of one label alone, and
    `MissingExtraError` where what balances them is not installed.
    """
    for step in recipe.steps:
        balance = step.balance if isinstance(step, Phase) else "sum"
        if task.name != "several":
            if balance != "sum":
                raise RecipeError(
                    f"{step.kind} {step.name!r} has balance={balance}, and there is one task",
                    expected="several tasks to balance: a column of labels for each",
                    do="leave balance out, or name more columns with --label-column",
                )
            continue
        if isinstance(step, Phase) and (step.mixup > 0 or step.cutmix > 0):
            raise RecipeError(
                f"{step.kind} {step.name!r} has mixup or cutmix, which mix the labels of one task",
                expected="a recipe without them for several tasks",
                do="leave them out; augment=light or standard varies images",
            )
        if isinstance(step, Contrastive | Supervised):
            raise RecipeError(
                f"{step.kind} {step.name!r} learns from one class of each sample, and there are several tasks",
                expected="a recipe of phases and closed-form heads",
                do="take probe, finetune, gradual or lp_ft",
            )
        if balance in _BY_GRADIENTS and importlib.util.find_spec("torchjd") is None:
            raise MissingExtraError(f"balance={balance}", "multitask")
