"""Named methods that train few parameters: the rest of the backbone stays as it was pretrained."""

from __future__ import annotations

from warmstart.recipe.methods import Lr
from warmstart.recipe.phase import AugmentName, Phase, Rate, Smoothing
from warmstart.recipe.recipe import Edits, Lora, Recipe
from warmstart.recipe.step import ClosedForm


def bias_only(
    lr: Lr = 1e-3,
    epochs: int = 10,
    batch_size: int = 32,
    augment: AugmentName = "none",
    from_block: int = 0,
    label_smoothing: Smoothing = "auto",
) -> Recipe:
    """Fit the head on frozen features, then tune it with the biases and normalisation scales from `from_block` on."""
    light = f"block:{from_block}.. & bias | block:{from_block}.. & norm"
    rates: tuple[tuple[str, Rate], ...] = (("head", lr), (light, lr), ("*", None))
    tune = Phase(
        rates=rates, epochs=epochs, batch_size=batch_size, augment=augment, ema=0.99, label_smoothing=label_smoothing
    )
    about = "Only biases, normalisation scales and the head are tuned (BitFit, Ben Zaken et al. 2022)."
    return Recipe(name="bias_only", about=about, steps=(ClosedForm(), tune))


def lora(
    rank: int = 8,
    alpha: float = 16.0,
    lr: Lr = 1e-3,
    epochs: int = 10,
    batch_size: int = 32,
    augment: AugmentName = "none",
    from_block: int = 0,
    label_smoothing: Smoothing = "auto",
) -> Recipe:
    """Fit the head on frozen features, then tune it with low-rank products added to the weights from `from_block` on.

    All weights that are large enough get one: those of the attention alone fell short of full tuning (Dettmers et al.
    2023, section 4). The products are added to the weights at the end, so what is shipped has the layers it had.
    """
    tune = Phase(
        rates=(("head", lr), ("lora", lr), ("*", None)),
        epochs=epochs,
        batch_size=batch_size,
        augment=augment,
        ema=0.99,
        label_smoothing=label_smoothing,
    )
    about = "Low-rank products beside frozen weights are tuned with the head (LoRA, Hu et al. 2022)."
    edits = Edits(lora=Lora(rank=rank, alpha=alpha, on=f"block:{from_block}.."))
    return Recipe(name="lora", about=about, edits=edits, steps=(ClosedForm(), tune))
