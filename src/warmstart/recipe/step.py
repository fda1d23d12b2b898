"""The steps a recipe is made of. No callables, loops or conditions: Python is for that."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from warmstart.recipe.aligning import AlignStep, SourceFree, Statistics
from warmstart.recipe.distilling import Distill
from warmstart.recipe.episodic import Meta
from warmstart.recipe.of_backbone import Contrastive, Masked, Pretrain, Supervised, Views
from warmstart.recipe.phase import Data, Phase, Share


class ClosedForm(Data):
    """Fit the head in closed form (or convexly) on cached frozen features and put it in place."""

    kind: Literal["closed_form"] = "closed_form"
    name: str = "probe"
    """What reports and the log call it."""
    heads: Annotated[tuple[str, ...], Field(min_length=1)] = ("blend",)
    """Names in the registry of closed-form heads; the best by cross-validation is kept."""


class Average(Data):
    """Average of the weights before the recipe's last phase and after it (WiSE-FT, Wortsman 2022)."""

    kind: Literal["average"] = "average"
    name: str = "average"
    """What reports and the log call it."""
    alphas: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Shares of the tuned weights that are tried on validation."""


Step = Annotated[
    Phase
    | Contrastive
    | Pretrain
    | Masked
    | Views
    | Supervised
    | Meta
    | Distill
    | AlignStep
    | SourceFree
    | Statistics
    | ClosedForm
    | Average,
    Field(discriminator="kind"),
]
