"""What `warmstart pretrain` runs: one step that trains a backbone, and no head behind it."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import model_validator

from warmstart.errors import RecipeError, nearest
from warmstart.recipe.of_backbone import HEAD_STILL, BackboneStep, Contrastive, Masked, Pretrain, Supervised, Views
from warmstart.recipe.recipe import Recipe

ObjectiveName = Literal["auto", "masked", "views", "classes", "supervised"]
"""Hidden parts are told; two views of an input, or the samples of a class, are drawn together; classes are told."""
Kind = Literal["image", "text", "series"]

_HAVE: dict[Kind, tuple[str, ...]] = {
    "image": ("views", "classes", "supervised"),
    "text": ("masked", "classes", "supervised"),
    "series": ("masked", "views", "classes", "supervised"),
}
_PROJECTION = 128
LABELLED = ("classes", "supervised")
"""Objectives that need labels."""


class Pretraining(Recipe):
    """A recipe that leaves a backbone: nothing is fitted on its features."""

    @model_validator(mode="after")
    def _a_head_follows(self) -> Pretraining:
        others = [step.kind for step in self.steps if not isinstance(step, BackboneStep)]
        if others:
            raise ValueError(f"steps of kind {', '.join(others)} train a head; expected steps of the backbone alone")
        return self


def objective_for(objective: str, kind: Kind, *, labelled: bool) -> str:
    """The objective that `auto` stands for, or the one that is named.

    Raises:
        RecipeError: there is none of this name, or not for this kind of data.

    >>> objective_for("auto", "series", labelled=True), objective_for("auto", "text", labelled=False)
    ('classes', 'masked')
    """
    if objective not in get_args(ObjectiveName):
        names = list(get_args(ObjectiveName))
        raise RecipeError(
            f"no objective is called {objective!r}",
            f"one of {', '.join(names)}",
            f"the nearest: {nearest(objective, names)}",
        )
    if objective == "auto":
        return "classes" if labelled else _HAVE[kind][0]
    if objective not in _HAVE[kind]:
        raise RecipeError(f"the objective {objective!r} for data of kind {kind!r}", f"one of {', '.join(_HAVE[kind])}")
    return objective


def pretraining(objective: str, kind: Kind, *, lr: float, epochs: int, batch_size: int, blocks: int = 0) -> Pretraining:
    """The recipe for an objective (not `auto`); blocks below `blocks` stay as they are.

    >>> pretraining("views", "series", lr=1e-3, epochs=2, batch_size=64).steps[0].augment
    'crop'
    """
    rates = (HEAD_STILL, ("*", lr)) if not blocks else (HEAD_STILL, (f"block:{blocks}..", lr), ("*", None))
    common = {"rates": rates, "epochs": epochs, "batch_size": batch_size, "weight_decay": 0.01}
    augment = {"image": "standard", "text": "none", "series": "crop"}[kind]
    step: BackboneStep
    match objective:
        case "masked":
            step = Pretrain.model_validate(common) if kind == "text" else Masked.model_validate(common)
        case "views":
            step = Views.model_validate({**common, "augment": augment})
        case "classes":
            step = Contrastive.model_validate({**common, "augment": augment, "projection": _PROJECTION})
        case _:
            step = Supervised.model_validate({**common, "augment": augment})
    return Pretraining(name=f"pretrain {objective}", steps=(step,))
