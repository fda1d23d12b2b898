"""The closed-form head of a task: which fit suits its targets."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from warmstart.engine.heads.anomaly import fit_anomaly
from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.forecasts import fit_forecasts
from warmstart.engine.heads.numbers import fit_numbers
from warmstart.engine.heads.select import best_closed_form
from warmstart.engine.heads.tags import fit_tags
from warmstart.engine.heads.wide import fit_wide
from warmstart.errors import RecipeError, TrainingError
from warmstart.model.backbone import FeatureGroup
from warmstart.model.several import SeveralHead
from warmstart.task.base import Task
from warmstart.task.forecast import Forecasting
from warmstart.task.several import Several


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

    Of several tasks each has its own, fitted on the samples whose label of it is known.

    `units` say what each sample belongs to, where what is left out with it depends on that.

    Raises:
        RecipeError: nothing of the kind can be fitted without gradients.
        TrainingError: see `Problem.of` and `fit_numbers`.
    """
    if isinstance(task, Forecasting):
        return fit_forecasts(features, targets, task, groups=groups)
    if isinstance(task, Several):
        return _of_each(task, features, targets, names, seed, groups=groups, units=units)
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


def _of_each(
    task: Several,
    features: Tensor,
    targets: Tensor,
    names: Sequence[str],
    seed: int,
    *,
    groups: Sequence[FeatureGroup],
    units: Sequence[str | None] | None,
) -> FittedHead:
    """The heads of several tasks side by side. Raises `TrainingError` that names the task of which none can be fitted.

    Features are frozen, so that each is what it would be if its task were the only one.
    """
    fits: list[FittedHead] = []
    cv = torch.zeros(len(features), sum(len(part.target.classes) for part in task.parts))
    for part in task.parts:
        known = part.known(targets)
        own = None if units is None else [units[int(i)] for i in known.nonzero()]
        truth, width = part.as_task(targets[known]), len(part.target.classes)
        try:
            found = fit_head(part.task, features[known], truth, width, names, seed, groups=groups, units=own)
        except TrainingError as error:
            raise TrainingError(f"task {part.name!r}: {error.found}", error.expected, error.do) from error
        cv[known, part.outputs] = found.cv_outputs
        if not bool(known.all()):
            cv[~known, part.outputs] = found.logits(features[~known])
        fits.append(found)
    named = dict(zip((part.name for part in task.parts), fits, strict=True))
    told = ", ".join(f"{one.name} for {name}" for name, one in named.items())
    choice = {name: {"head": one.name, **one.choice} for name, one in named.items()}
    return FittedHead("several", SeveralHead([one.head for one in fits]).eval(), cv, choice, told)
