"""Training on the answers of a teacher as plain validated data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from warmstart.recipe.phase import GradientStep, Share


class Distill(GradientStep):
    """Training on the answers that a teacher gave once for every sample, and on the labels (Hinton et al. 2015).

    Of classes the loss is `share * T^2 * KL(teacher || student)`, both at temperature T, and `1 - share` times the loss
    of the label; of several labels the same for each of them; of numbers the squared distance to the teacher's answer.
    A sample without a label learns from the teacher alone.
    """

    kind: Literal["distill"] = "distill"
    name: str = "distill"
    temperature: Annotated[float, Field(gt=0)] = 2.0
    """What the logits of both are divided by: the higher, the more the classes that are not answered count. Numbers
    have none."""
    share: Share = 0.7
    """Of the teacher in the loss of a sample with a label."""
