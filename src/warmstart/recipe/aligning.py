"""Steps that learn from unlabelled samples of a target, beside the labelled ones of a source or in their place.

Unsupervised domain adaptation: classes are the same in both, and what the samples look like is not. Labels of target
samples are never read, whether they are there or not.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from warmstart.recipe.phase import GradientStep, Smoothing


class TargetStep(GradientStep):
    """Training that reads samples of the target.

    Its result are the weights after its last epoch. Validation samples are the source's, and how well a network does on
    them says little of the target where there is a shift; it is measured for the learning curve, and nothing goes by
    it.
    """

    @field_validator("early_stopping", "watch")
    @classmethod
    def _nothing_to_go_by(cls, value: object) -> object:
        if value not in (None, "validation"):
            raise ValueError(
                f"found {value!r}, and no step that adapts to a target can tell its best epoch: labels of the target "
                "are not known; expected no such field"
            )
        return value


class Align(TargetStep):
    """Training on the task with the source's samples, and at once on a loss that brings source and target together.

    Every step takes a batch of each; an epoch is one pass over the source, and the target's samples come round as often
    as that takes. Both go through the network together, so that statistics of norms that train are those of both.
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    """Of the loss that aligns, beside that of the task."""
    label_smoothing: Smoothing = 0.0


class Mcc(Align):
    """Minimum class confusion (Jin et al. 2020): predictions for the target that do not waver between classes."""

    kind: Literal["mcc"] = "mcc"
    name: str = "mcc"
    temperature: Annotated[float, Field(gt=0)] = 2.5
    """Logits are divided by it before they become probabilities (section 3.2)."""


AlignStep = Mcc
