"""Named methods of unsupervised domain adaptation: labelled samples of a source, and unlabelled ones of a target.

Each begins as LP-FT does, with a head fitted on frozen features of the source; what aligns starts from there.
"""

from __future__ import annotations

from typing import Any

from warmstart.recipe.aligning import AlignStep, Mcc
from warmstart.recipe.methods import Lr
from warmstart.recipe.phase import Phase, Rate
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.step import ClosedForm


def source_only(lr: Lr = 1e-4, epochs: int = 10, batch_size: int = 32, from_block: int = -2) -> Recipe:
    """What adaptation has to beat: the head fitted and the blocks from `from_block` on tuned, on the source alone."""
    tune = Phase(**_same(lr, epochs, batch_size, from_block), label_smoothing="auto")
    about = "No adaptation: a probe, then fine-tuning, on the labelled source alone; what adaptation has to beat."
    return Recipe(name="source_only", about=about, steps=(ClosedForm(), tune))


def mcc(
    lr: Lr = 1e-4,
    epochs: int = 10,
    batch_size: int = 32,
    from_block: int = -2,
    weight: float = 1.0,
    temperature: float = 2.5,
) -> Recipe:
    """Tune the blocks from `from_block` on, so that predictions for the target waver less between classes."""
    step = Mcc(**_same(lr, epochs, batch_size, from_block), weight=weight, temperature=temperature)
    about = "Confusion between classes on the unlabelled target made small (MCC, Jin et al. 2020)."
    return _aligned("mcc", about, step)


def _same(lr: Lr, epochs: int, batch_size: int, from_block: int) -> dict[str, Any]:
    """What all of them have in common with plain fine-tuning."""
    rates: tuple[tuple[str, Rate], ...] = (("head", lr), (f"block:{from_block}..", lr), ("*", None))
    return {"rates": rates if from_block else (("*", lr),), "epochs": epochs, "batch_size": batch_size}


def _aligned(name: str, about: str, step: AlignStep) -> Recipe:
    return Recipe(name=name, about=about, steps=(ClosedForm(), step))
