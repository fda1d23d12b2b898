"""Steps that learn from a target beside the source, or from it alone: which samples they read, and what they need."""

from __future__ import annotations

from torch.nn.modules.batchnorm import _BatchNorm

from warmstart.errors import RecipeError
from warmstart.model.network import Network
from warmstart.planning.plan import DataFacts
from warmstart.recipe.aligning import Align, SelfTrain, SourceFree, Statistics, TargetStep
from warmstart.recipe.of_backbone import Pretrain
from warmstart.recipe.phase import GradientStep

LEAST = 2
"""Samples of a target: what aligns compares statistics of a batch."""
_FORWARD = 0.3
"""A forward pass, as a part of a step of training on as many samples."""
_SELF_TRAINED = 0.75
"""Samples of the target for each of the source in self-training, which passes them once more to predict: its step takes
about as long as that of other methods so, also when every prediction is sure.
"""


def streams(phase: GradientStep) -> int:
    """Batches that a step of training holds in memory: of the source, and of the target."""
    return 2 if isinstance(phase, Align) else 1


def passes(phase: GradientStep) -> float:
    """Batches that a step takes as long as."""
    if isinstance(phase, SelfTrain):
        return 1 + _SELF_TRAINED * (1 + _FORWARD)
    return streams(phase) + (_FORWARD if isinstance(phase, SourceFree) else 0.0)


def beside(phase: GradientStep, batch: int) -> int:
    """Samples of the target in a step that takes so many of the source.

    >>> beside(SelfTrain(), 32), beside(Align(kind="mcc", name="mcc"), 32)
    (24, 32)
    """
    return max(LEAST, round(_SELF_TRAINED * batch)) if isinstance(phase, SelfTrain) else batch


def own(phase: GradientStep, data: DataFacts) -> int:
    """Samples that an epoch is one pass over."""
    if isinstance(phase, SourceFree):
        return data.unlabelled
    return data.train + data.unlabelled if isinstance(phase, Pretrain) else data.train


def others(phase: GradientStep, data: DataFacts) -> int:
    """Samples that it reads beside those, each of their augmented versions as one more."""
    versions = phase.views if isinstance(phase, SelfTrain) and phase.strong != "none" else 0
    return data.unlabelled * (1 + versions) if isinstance(phase, Align) else 0


def check_target(step: TargetStep | Statistics, network: Network, data: DataFacts) -> None:
    """Raise `RecipeError` where a step has no target to adapt to, or nothing to adapt."""
    what = step.kind if step.kind == step.name else f"{step.kind} {step.name!r}"
    if data.unlabelled < LEAST and not (isinstance(step, Statistics) and step.of == "source"):
        found = "none" if not data.unlabelled else f"{data.unlabelled} of them"
        raise RecipeError(
            f"{what} adapts to unlabelled samples of a target, and there are {found}",
            expected=f"at least {LEAST} samples of the target",
            do="give them with: warmstart adapt; without a target, take the recipe lp_ft",
        )
    if data.task != "classify":
        raise RecipeError(
            f"{what} adapts a network that tells one class of each sample, and the task here is {data.task}",
            expected="one class for every sample",
            do="leave the step out of the recipe",
        )
    if isinstance(step, Statistics) and not any(isinstance(module, _BatchNorm) for module in network.modules()):
        raise RecipeError(
            f"{what} takes statistics of batch normalisation from samples, and {network.facts.card.name!r} has no "
            "such layer: what normalises in it keeps no statistics",
            expected="a network with batch normalisation",
            do="take the recipe mcc, which is for any network",
        )
