"""The closed-form head of a task: which fit suits its targets."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from warmstart.engine.heads.anomaly import fit_anomaly
from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.forecasts import fit_forecasts
from warmstart.engine.heads.numbers import fit_numbers
from warmstart.engine.heads.select import best_closed_form
from warmstart.engine.heads.tags import fit_tags
from warmstart.engine.heads.wide import fit_wide
from warmstart.errors import RecipeError
from warmstart.model.backbone import FeatureGroup
from warmstart.task.base import Task
from warmstart.task.forecast import Forecasting


def fit_head(
    task: Task,
    features: Tensor,
    targets: Tensor,
    outputs: int,
    names: Sequence[str] = ("blend",),
    seed: int = 0,
    *,
    groups: Sequence[FeatureGroup] = (),
    units: Sequence[str | None] | None = None,
) -> FittedHead:
    """Fit the head of `task` with so many `outputs` on features (n, ...) and targets (n, ...).

    Of classes and tags, the best by cross-validation of the heads called `names`; numbers and labels have the one of
    `warmstart.engine.heads.numbers`, unless `wide` is named, forecasts that of `warmstart.engine.heads.forecasts`,
    whatever is named. Anomalies have the first that is one of `warmstart.engine.heads.anomaly`.

    `units` say what each sample belongs to, where what is left out with it depends on that.

    Raises:
        RecipeError: nothing of the kind can be fitted without gradients.
        TrainingError: see `Problem.of` and `fit_numbers`.
    """
    if isinstance(task, Forecasting):
        return fit_forecasts(features, targets, task, groups=groups)
    match task.name:
        case "classify":
            return best_closed_form(features, targets, outputs, names, seed, groups=groups)
        case "multilabel" | "regress" if "wide" in names:
            return fit_wide(task, features, targets, outputs, seed)
        case "multilabel" | "regress":
            return fit_numbers(features, targets, labels=task.name == "multilabel")
        case "anomaly":
            return fit_anomaly(features, targets, names, seed, groups=groups, units=units)
        case "tag":
            return fit_tags(features, targets, outputs, names, seed)
    raise RecipeError(
        f"a head for the task {task.name} has no closed form",
        expected="a recipe of phases, such as finetune",
        do="name one with --recipe",
    )
