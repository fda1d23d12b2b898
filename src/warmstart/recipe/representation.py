"""Named methods that better the features first, and fit a head on them then."""

from __future__ import annotations

from warmstart.recipe.methods import Lr, lp_ft
from warmstart.recipe.of_backbone import HEAD_STILL, Contrastive, Pretrain
from warmstart.recipe.phase import AugmentName, rows_from
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.step import ClosedForm


def contrastive(
    lr: Lr = 5e-5,
    epochs: int = 10,
    batch_size: int = 32,
    temperature: float = 0.1,
    augment: AugmentName = "none",
    from_block: int = 0,
    heads: tuple[str, ...] = ("blend",),
) -> Recipe:
    """Draw the features of each class together, tuning the blocks from `from_block` on; then fit a head on them."""
    tune = Contrastive(
        rates=(HEAD_STILL, *rows_from(from_block, lr)),
        epochs=epochs,
        batch_size=batch_size,
        temperature=temperature,
        augment=augment,
    )
    about = "Features of a class drawn together, then a head fitted on them (SetFit, Tunstall et al. 2022)."
    return Recipe(name="contrastive", about=about, steps=(tune, ClosedForm(heads=heads)))


def further_pretrain(
    pretrain_lr: Lr = 5e-5,
    pretrain_epochs: int = 3,
    lr: Lr = 1e-4,
    epochs: int = 10,
    batch_size: int = 32,
    heads: tuple[str, ...] = ("blend",),
) -> Recipe:
    """Go on pretraining on the texts at hand, those without a label too; then a probe and full tuning from it."""
    more = Pretrain(rates=(HEAD_STILL, ("*", pretrain_lr)), epochs=pretrain_epochs, batch_size=batch_size)
    tune = lp_ft(lr=lr, epochs=epochs, batch_size=batch_size, heads=heads)
    about = "Pretraining goes on, on unlabelled texts of the domain, then LP-FT (DAPT, Gururangan et al. 2020)."
    return Recipe(name="further_pretrain", about=about, steps=(more, *tune.steps))
