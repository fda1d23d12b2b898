"""Learning from what another network says: the step, and the named method that is made of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from warmstart.recipe.distilling import Distill
from warmstart.recipe.phase import AugmentName, GradientStep, Phase, Share, with_head
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.step import ClosedForm

__all__ = ["distill", "without_teacher"]


def distill(
    temperature: Annotated[float, Field(gt=0)] = 2.0,
    share: Share = 0.7,
    lr: float | Literal["auto"] = 3e-4,
    epochs: int = 10,
    from_block: int = 0,
    layer_decay: float = 0.75,
    batch_size: int = 32,
    augment: AugmentName = "none",
    norm: Literal["eval", "train"] = "eval",
    probe: bool = True,
    heads: tuple[str, ...] = ("blend",),
) -> Recipe:
    """Fit the head on frozen features (not without `probe`), then tune the blocks from `from_block` on towards the
    answers of a teacher, and for what is not `share` of the loss towards labels. `warmstart distill` brings a teacher.
    """
    tune = Distill(
        temperature=temperature,
        share=share,
        rates=with_head(from_block, lr),
        layer_decay=layer_decay,
        epochs=epochs,
        batch_size=batch_size,
        augment=augment,
        norm=norm,
    )
    about = "A student that learns from the answers of a teacher, beside the labels (distillation, Hinton et al. 2015)."
    return Recipe(name="distill", about=about, steps=(*([ClosedForm(heads=heads)] if probe else []), tune))


def without_teacher(recipe: Recipe, times: float = 1.0) -> Recipe:
    """The same recipe with phases that learn from labels alone in the place of distillation: what a teacher has to
    beat. Their epochs are `times` as many, for fewer samples in as many steps.

    >>> plain = without_teacher(distill(epochs=4), 2.5)
    >>> plain.steps[-1].kind, plain.steps[-1].epochs
    ('phase', 10)
    """
    return recipe.model_copy(update={"name": "alone", "steps": tuple(_plain(step, times) for step in recipe.steps)})


def _plain(step: object, times: float) -> object:
    if not isinstance(step, Distill):
        return step
    common = {name: getattr(step, name) for name in GradientStep.model_fields if name not in ("kind", "epochs")}
    return Phase(**common, epochs=max(1, round(times * step.epochs)))
