"""The named transfer methods: each is a short function whose parameters are what may be overridden.

To add one, write such a function and decorate it, or name its place at the end; `warmstart recipes`, the contract tests
and `load_recipe()` then know it.
Every method works on any backbone of at least two blocks: ranges of blocks are clipped to what is there. Images are not
augmented unless a method is about that, because a frozen part below unaugmented images is computed once (see the plan)
and a flip that is harmless for photographs ruins digits.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from warmstart.errors import RecipeError
from warmstart.recipe.named import call, defaults, parse
from warmstart.recipe.phase import AugmentName, BalanceName, OptimizerName, Phase, Rate, Smoothing, with_head
from warmstart.recipe.recipe import Edits, Recipe
from warmstart.recipe.step import ClosedForm
from warmstart.recipe.text import from_yaml
from warmstart.registry import Registry

recipes: Registry[Callable[..., Recipe]] = Registry("recipe", RecipeError)

Lr = float | Literal["auto"]


def _times(lr: Lr, by: float) -> Rate:
    """A multiple of a rate; one that is found by a range test stays so."""
    return "auto" if lr == "auto" else lr * by


@recipes.register("scratch")
def scratch(
    lr: Lr = 1e-3,
    epochs: int = 60,
    batch_size: int = 32,
    optimizer: OptimizerName = "adamw",
    augment: AugmentName = "standard",
    balance: BalanceName = "sum",
) -> Recipe:
    """All weights drawn anew and trained: what a transfer has to beat."""
    train = Phase(
        name="train",
        rates=(("*", lr),),
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        weight_decay=0.05,
        augment=augment,
        balance=balance,
        norm="train",
    )
    about = "No transfer: all weights drawn anew and trained, the baseline of Kornblith et al. (2019)."
    return Recipe(name="scratch", about=about, edits=Edits(reset=True), steps=(train,))


@recipes.register("probe")
def probe(heads: tuple[str, ...] = ("blend",)) -> Recipe:
    """A head on frozen features."""
    about = "Feature extraction: a head fitted in closed form on frozen features (linear probe, Alain & Bengio 2017)."
    return Recipe(name="probe", about=about, steps=(ClosedForm(heads=heads),))


@recipes.register("head_only")
def head_only(
    lr: Lr = 1e-3, epochs: int = 20, batch_size: int = 32, augment: AugmentName = "none", views: int = 0
) -> Recipe:
    """Train the head by gradients on frozen features, which are computed once: for each of `views` of an image, if it
    is augmented.
    """
    rates: tuple[tuple[str, Rate], ...] = (("head", lr), ("*", None))
    tune = Phase(rates=rates, epochs=epochs, batch_size=batch_size, augment=augment, views=views)
    about = "Only the head is trained, on frozen features; what a head that writes has for a probe."
    return Recipe(name="head_only", about=about, steps=(tune,))


@recipes.register("finetune")
def finetune(
    from_block: int = -2,
    lr: Lr = 1e-4,
    epochs: int = 10,
    batch_size: int = 32,
    augment: AugmentName = "none",
    head: float = 10.0,
    layer_decay: float = 1.0,
    balance: BalanceName = "sum",
) -> Recipe:
    """Tune the blocks from `from_block` on (negative: from the end; 0: all); the head learns `head` times as fast, for
    it is new. One that writes is not: 1 is right for it.
    """
    rates: tuple[tuple[str, Rate], ...] = (("head", _times(lr, head)), (f"block:{from_block}..", lr), ("*", None))
    tune = Phase(
        rates=rates,
        epochs=epochs,
        batch_size=batch_size,
        augment=augment,
        layer_decay=layer_decay,
        balance=balance,
    )
    about = "Early blocks frozen, the later ones tuned with the head (Yosinski et al. 2014)."
    return Recipe(name="finetune", about=about, steps=(tune,))


@recipes.register("gradual")
def gradual(
    lr: Lr = 1e-3, stage_epochs: int = 2, epochs: int = 10, per_block: float = 2.6, batch_size: int = 32
) -> Recipe:
    """Unfreeze from the top in four stages; every block learns at 1 / `per_block` of the one above."""
    body = _times(lr, 1 / per_block)
    stages: dict[str, tuple[tuple[str, Rate], ...]] = {
        "head": (("head", lr), ("*", None)),
        "last block": (("head", lr), ("block:-1..", body), ("*", None)),
        "last two blocks": (("head", lr), ("block:-2..", body), ("*", None)),
        "all": (("head", lr), ("*", body)),
    }
    shared = Phase(layer_decay=1 / per_block, batch_size=batch_size, schedule="slanted_triangular", epochs=stage_epochs)
    steps = [shared.model_copy(update={"name": name, "rates": rates}) for name, rates in stages.items()]
    steps[-1] = steps[-1].model_copy(update={"epochs": epochs})
    about = "Gradual unfreezing, discriminative rates, slanted triangular schedule (ULMFiT, Howard & Ruder 2018)."
    return Recipe(name="gradual", about=about, steps=tuple(steps))


@recipes.register("lp_ft")
def lp_ft(
    lr: Lr = 1e-4,
    epochs: int = 10,
    layer_decay: float = 0.75,
    ema: float = 0.99,
    batch_size: int = 32,
    augment: AugmentName = "none",
    heads: tuple[str, ...] = ("blend",),
    from_block: int = 0,
    label_smoothing: Smoothing = "auto",
    balance: BalanceName = "sum",
) -> Recipe:
    """Fit the head on frozen features, then tune the blocks from `from_block` on from there, lower ones more slowly.

    Labels of images are smoothed, as `warmstart.recipe.phase.SMOOTHING` says.
    """
    tune = Phase(
        rates=with_head(from_block, lr),
        layer_decay=layer_decay,
        epochs=epochs,
        batch_size=batch_size,
        augment=augment,
        balance=balance,
        ema=ema,
        label_smoothing=label_smoothing,
    )
    about = "Linear probe, then full fine-tuning that starts from it (LP-FT, Kumar et al. 2022)."
    return Recipe(name="lp_ft", about=about, steps=(ClosedForm(heads=heads), tune))


@recipes.register("discriminative")
def discriminative(
    lr: Lr = 1e-3, epochs: int = 10, per_block: float = 2.6, batch_size: int = 32, augment: AugmentName = "none"
) -> Recipe:
    """Tune everything at once; every block learns at 1 / `per_block` of the one above."""
    tune = Phase(
        rates=(("head", lr), ("*", _times(lr, 1 / per_block))),
        layer_decay=1 / per_block,
        epochs=epochs,
        batch_size=batch_size,
        augment=augment,
    )
    about = "All blocks tuned, each at 1 / 2.6 of the rate above it (discriminative rates, Howard & Ruder 2018)."
    return Recipe(name="discriminative", about=about, steps=(tune,))


@recipes.register("two_phase")
def two_phase(
    head_lr: Lr = 1e-3,
    lr: Lr = 1e-5,
    head_epochs: int = 20,
    epochs: int = 10,
    patience: int = 5,
    batch_size: int = 32,
    augment: AugmentName = "none",
) -> Recipe:
    """Train the head on the frozen backbone, then tune everything at a low rate from the best of that."""
    shared = Phase(
        batch_size=batch_size, optimizer="adam", schedule="plateau", early_stopping=patience, augment=augment
    )
    rates: tuple[tuple[str, Rate], ...] = (("head", head_lr), ("*", None))
    head = shared.model_copy(update={"name": "head", "rates": rates, "epochs": head_epochs})
    tune = shared.model_copy(update={"rates": (("*", lr),), "epochs": epochs, "start": "best"})
    about = "The classic: head on frozen features, then a low-rate tune of everything (Keras guide, Chollet 2020)."
    return Recipe(name="two_phase", about=about, steps=(head, tune))


@recipes.register("progressive_resize")
def progressive_resize(
    shares: tuple[float, ...] = (0.5, 0.75, 1.0), lr: Lr = 1e-4, epochs: int = 4, batch_size: int = 32
) -> Recipe:
    """Tune on images of growing size, given as shares of the run's size; `epochs` at each."""
    rates: tuple[tuple[str, Rate], ...] = (("head", _times(lr, 10)), ("*", lr))
    shared = Phase(rates=rates, layer_decay=0.75, epochs=epochs, batch_size=batch_size)
    steps = tuple(shared.model_copy(update={"name": f"size {s:g}", "size": float(s)}) for s in shares)
    about = "Full tuning on growing images, small ones first (progressive resizing, Howard 2018; Tan & Le 2021)."
    return Recipe(name="progressive_resize", about=about, steps=steps)


@recipes.register("l2_sp")
def l2_sp(
    alpha: float = 0.1, lr: Lr = 3e-3, epochs: int = 10, batch_size: int = 32, augment: AugmentName = "none"
) -> Recipe:
    """Tune everything with SGD while a penalty of strength `alpha` holds the backbone near its start."""
    tune = Phase(
        rates=(("*", lr),), optimizer="sgd", l2_sp=alpha, epochs=epochs, batch_size=batch_size, augment=augment
    )
    about = "Full tuning with a quadratic pull towards the pretrained weights (L2-SP, Li et al. 2018)."
    return Recipe(name="l2_sp", about=about, steps=(tune,))


recipes.add("bias_only", "warmstart.recipe.light:bias_only")
recipes.add("lora", "warmstart.recipe.light:lora")
recipes.add("finetune_all", "warmstart.recipe.whole:finetune_all")
recipes.add("contrastive", "warmstart.recipe.representation:contrastive")
recipes.add("distill", "warmstart.recipe.distillation:distill")
recipes.add("further_pretrain", "warmstart.recipe.representation:further_pretrain")
for _adapting in ("source_only", "mcc", "dann", "cdan", "dan", "coral", "mdd", "adabn", "shot", "selftrain"):
    recipes.add(_adapting, f"warmstart.recipe.adapting:{_adapting}")


def options(name: str) -> dict[str, object]:
    """The parameters of a named recipe with their defaults, in order.

    >>> options("probe")
    {'heads': ('blend',)}
    """
    return defaults(recipes[name])


def load_recipe(source: str | Path | Recipe, **overrides: object) -> Recipe:
    """A recipe by name, from a YAML file, or as it is.

    Args:
        source: a registered name, with options behind it or not (`finetune?epochs=3&from_block=-4`), a path that ends
            in `.yaml` or `.yml`, or a `Recipe`.
        **overrides: the same options as keywords (see `options`); text is read as numbers where needed.

    Raises:
        RecipeError: unknown name, parameter or file, or a value that does not fit.

    >>> load_recipe("finetune?from_block=-1", epochs="3").name
    'finetune?from_block=-1&epochs=3'
    """
    is_file = isinstance(source, Path) or (isinstance(source, str) and _written(source))
    name, said = parse(source) if isinstance(source, str) and not is_file else ("", {})
    if (given := {**said, **overrides}) and (not name or _written(name)):
        raise RecipeError(
            f"{', '.join(given)} given for a recipe that is written out",
            expected="such values only with the name of a recipe",
            do="change the values in the recipe itself",
        )
    if isinstance(source, Recipe):
        return source
    if is_file:
        return from_yaml(Path(source))
    if twice := said.keys() & overrides.keys():
        raise RecipeError(f"recipe {source!r} is given {min(twice)} once more", expected="every option once")
    return call(name, recipes[name], given)


def _written(name: str) -> bool:
    return Path(name).suffix in (".yaml", ".yml")
