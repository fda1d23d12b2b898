"""Named methods of unsupervised domain adaptation: labelled samples of a source, and unlabelled ones of a target.

Each begins as LP-FT does, with a head fitted on frozen features of the source; what aligns starts from there.
"""

from __future__ import annotations

from typing import TypedDict

from warmstart.recipe.aligning import (
    AlignStep,
    Cdan,
    Coral,
    Dan,
    Dann,
    Mcc,
    Mdd,
    SelfTrain,
    SourceFree,
    Statistics,
)
from warmstart.recipe.methods import Lr
from warmstart.recipe.of_backbone import HEAD_STILL
from warmstart.recipe.phase import AugmentName, Phase, Rate, rows_from, with_head
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


def dann(lr: Lr = 1e-4, epochs: int = 10, batch_size: int = 32, from_block: int = -2, weight: float = 1.0) -> Recipe:
    """Tune the blocks from `from_block` on, so that source and target cannot be told apart by their features."""
    step = Dann(**_same(lr, epochs, batch_size, from_block), weight=weight)
    about = "Features that a classifier of source and target cannot tell apart (DANN, Ganin et al. 2016)."
    return _aligned("dann", about, step)


def cdan(
    lr: Lr = 1e-4,
    epochs: int = 10,
    batch_size: int = 32,
    from_block: int = -2,
    weight: float = 1.0,
    entropy: bool = True,
) -> Recipe:
    """Tune the blocks from `from_block` on, so that source and target cannot be told apart class by class."""
    step = Cdan(**_same(lr, epochs, batch_size, from_block), weight=weight, entropy=entropy)
    about = "As DANN, on features together with what is predicted from them (CDAN+E, Long et al. 2018)."
    return _aligned("cdan", about, step)


def dan(lr: Lr = 1e-4, epochs: int = 10, batch_size: int = 32, from_block: int = -2, weight: float = 1.0) -> Recipe:
    """Tune the blocks from `from_block` on, so that features of source and target have one distribution."""
    step = Dan(**_same(lr, epochs, batch_size, from_block), weight=weight)
    about = "Features of one distribution, by the multi-kernel mean discrepancy (DAN, Long et al. 2015)."
    return _aligned("dan", about, step)


def coral(lr: Lr = 1e-4, epochs: int = 10, batch_size: int = 32, from_block: int = -2, weight: float = 1.0) -> Recipe:
    """Tune the blocks from `from_block` on, so that features of source and target have one covariance."""
    step = Coral(**_same(lr, epochs, batch_size, from_block), weight=weight)
    about = "Features of one covariance (Deep CORAL, Sun & Saenko 2016)."
    return _aligned("coral", about, step)


def mdd(
    lr: Lr = 1e-4,
    epochs: int = 10,
    batch_size: int = 32,
    from_block: int = -2,
    weight: float = 0.1,
    margin: float = 4.0,
) -> Recipe:
    """Tune the blocks from `from_block` on, against a second classifier that differs from the first on the target."""
    step = Mdd(**_same(lr, epochs, batch_size, from_block), weight=weight, margin=margin)
    about = "No second classifier can differ on the target alone (MDD, Zhang et al. 2019)."
    return _aligned("mdd", about, step)


def selftrain(
    lr: Lr = 1e-4,
    epochs: int = 10,
    batch_size: int = 32,
    from_block: int = -2,
    weight: float = 1.0,
    threshold: float = 0.95,
    strong: AugmentName = "standard",
    views: int = 4,
) -> Recipe:
    """Tune the blocks from `from_block` on, on what the network itself is sure of in the target too."""
    same = _same(lr, epochs, batch_size, from_block)
    step = SelfTrain(**same, weight=weight, threshold=threshold, strong=strong, views=views)
    about = "Sure predictions for target samples are what augmented ones are told as (FixMatch, Sohn et al. 2020)."
    return _aligned("selftrain", about, step)


def adabn(lr: Lr = 1e-4, epochs: int = 10, batch_size: int = 32, from_block: int = -2, share: float = 1.0) -> Recipe:
    """Train on the source under its own statistics of batch normalisation, and take the target's then."""
    own = Statistics(name="source statistics", of="source")
    tune = Phase(**_same(lr, epochs, batch_size, from_block), label_smoothing="auto", norm="train")
    about = "Source only, and then the target's statistics in batch normalisation (AdaBN, Li et al. 2016)."
    return Recipe(name="adabn", about=about, steps=(own, ClosedForm(), tune, Statistics(share=share)))


def shot(
    lr: Lr = 1e-4,
    epochs: int = 10,
    batch_size: int = 32,
    from_block: int = -2,
    pseudo: float = 0.3,
    source_epochs: int = 10,
) -> Recipe:
    """Train on the source alone, and then on the target alone, under the head as it is."""
    first = source_only(lr=lr, epochs=source_epochs, batch_size=batch_size, from_block=from_block)
    then = SourceFree(
        rates=(HEAD_STILL, *rows_from(from_block, lr)), epochs=epochs, batch_size=batch_size, pseudo=pseudo
    )
    about = "Source only, and then the backbone adapted without the source, under its head (SHOT, Liang et al. 2020)."
    return Recipe(name="shot", about=about, steps=(*first.steps, then))


class _Same(TypedDict):
    rates: tuple[tuple[str, Rate], ...]
    epochs: int
    batch_size: int


def _same(lr: Lr, epochs: int, batch_size: int, from_block: int) -> _Same:
    """What all of them have in common with plain fine-tuning."""
    return {"rates": with_head(from_block, lr), "epochs": epochs, "batch_size": batch_size}


def _aligned(name: str, about: str, step: AlignStep) -> Recipe:
    return Recipe(name=name, about=about, steps=(ClosedForm(), step))
