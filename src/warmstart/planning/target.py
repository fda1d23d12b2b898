"""Steps that learn from a target beside the source, or from it alone: which samples they read, and what they need."""

from __future__ import annotations

from warmstart.errors import RecipeError
from warmstart.planning.plan import DataFacts
from warmstart.recipe.aligning import Align, TargetStep
from warmstart.recipe.of_backbone import Pretrain
from warmstart.recipe.phase import GradientStep

LEAST = 2
"""Samples of a target: what aligns compares statistics of a batch."""


def streams(phase: GradientStep) -> int:
    """Batches that a step of training takes at once: of the source, and of the target."""
    return 2 if isinstance(phase, Align) else 1


def own(phase: GradientStep, data: DataFacts) -> int:
    """Samples that an epoch is one pass over."""
    return data.train + data.unlabelled if isinstance(phase, Pretrain) else data.train


def others(phase: GradientStep, data: DataFacts) -> int:
    """Samples that it reads beside those."""
    return data.unlabelled if isinstance(phase, Align) else 0


def check_target(step: TargetStep, data: DataFacts) -> None:
    """Raise `RecipeError` where a step has no target to adapt to, or nothing to align."""
    if data.unlabelled < LEAST:
        found = "none" if not data.unlabelled else f"{data.unlabelled} of them"
        raise RecipeError(
            f"{step.kind} {step.name!r} adapts to unlabelled samples of a target, and there are {found}",
            expected=f"at least {LEAST} samples of the target",
            do="give them: warmstart adapt --source DATA --target UNLABELLED; without a target, take the recipe lp_ft",
        )
    if data.task != "classify":
        raise RecipeError(
            f"{step.kind} {step.name!r} aligns classes, and what is learned here is of the kind {data.task}",
            expected="one class for every sample",
            do="leave the step out of the recipe",
        )
