"""Named methods that train a network as a whole, as one trained from scratch is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from warmstart.recipe.methods import Lr
from warmstart.recipe.phase import Phase, PlateauRule
from warmstart.recipe.recipe import Recipe


def finetune_all(
    lr: Lr = 1e-3,
    epochs: int = 2000,
    batch_size: int = 16,
    batch_share: float = 0.1,
    patience: int = 50,
    least_lr: Annotated[float, Field(ge=0, le=1)] = 0.1,
    enough: float | None = None,
) -> Recipe:
    """Tune everything at one rate until the training loss falls no more; the epoch where it was lowest is the result.

    A batch is at most `batch_share` of the training samples. After `patience` epochs without a lower loss the rate is
    halved, down to `least_lr` of what it was. A loss of `enough` ends it before the last epoch. On a backbone with
    random weights it is how the source was trained.
    """
    tune = Phase(
        rates=(("*", lr),),
        epochs=epochs,
        batch_size=batch_size,
        batch_share=batch_share,
        optimizer="adam",
        weight_decay=0.0,
        schedule="plateau",
        plateau=PlateauRule(patience=patience, least=least_lr, delta=1e-4),
        clip=None,
        norm="train",
        watch="training",
        enough=enough,
    )
    about = "A new head, and all layers tuned with it from a source network (series, Fawaz et al. 2018)."
    return Recipe(name="finetune_all", about=about, steps=(tune,))
