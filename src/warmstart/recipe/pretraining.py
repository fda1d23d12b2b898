"""What `warmstart pretrain` runs: one step that trains a backbone, and no head behind it."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import ValidationError, model_validator

from warmstart.errors import RecipeError, nearest
from warmstart.recipe.episodic import Meta
from warmstart.recipe.mistakes import mistakes
from warmstart.recipe.of_backbone import HEAD_STILL, BackboneStep, Contrastive, Masked, Pretrain, Supervised, Views
from warmstart.recipe.phase import rows_from
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
    rates = (HEAD_STILL, *rows_from(blocks, lr))
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


def meta_learning(
    method: str, *, lr: float, epochs: int, patience: int | None = None, blocks: int = 0, **settings: object
) -> Pretraining:
    """The recipe that trains the blocks from `blocks` on by episodes; `settings` are those of `Meta`.

    >>> meta_learning("anil", lr=1e-4, epochs=3, blocks=-1, ways=2).steps[0].rates
    (('head', None), ('block:-1..', 0.0001), ('*', None))

    Raises:
        RecipeError: a setting does not fit.
    """
    rates = (HEAD_STILL, *rows_from(blocks, lr))
    common = {"method": method, "rates": rates, "epochs": epochs, "early_stopping": patience}
    given = {**common, **{name: value for name, value in settings.items() if value is not None}}
    try:
        return Pretraining(name=f"meta {method}", steps=(Meta.model_validate(given),))
    except ValidationError as error:
        raise mistakes(error, given, "meta-learning") from error
