"""Which rungs a `fit` climbs, from the number of labels, the size of the images and the time there is."""

from __future__ import annotations

from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.mixtures import AverageRung, EnsembleRung
from warmstart.engine.ladder.rungs import PixelRung, RecipeRung, Rung
from warmstart.plan.compile import compile_plan
from warmstart.recipe.methods import recipe as named
from warmstart.recipe.recipe import Recipe

HEADS = ("class_means", "lda", "ridge", "logistic")
"""Closed-form heads that the probe chooses from by cross-validation; all are linear, so tuning can start from any."""

SCRATCH_SHARE, TUNE_SHARE, LIGHT_SHARE = 0.2, 0.3, 0.15
"""Shares of the time left that training from scratch, the tune and the parameter-efficient tune may take."""

DEPTHS = (0, 2, 3, 4, 5, 6, 7)
"""Blocks from which a tune may start, deepest first; the first that fits the time is taken."""

EPOCHS = (12, 10, 8, 6, 4)


def default_rungs(context: LadderContext, baseline: str, reserve: float) -> list[Rung]:
    """The ladder: a baseline, the probe, LP-FT, the average of the two, a parameter-efficient tune, an ensemble."""
    rungs: list[Rung] = [*_baseline(baseline, context, reserve), _probe()]
    if (tune := _tune(context, reserve)) is not None:
        rungs += [RecipeRung("lp_ft", "probe, then tuning from it", tune), AverageRung("lp_ft")]
    if (light := _light(context, reserve)) is not None:
        rungs.append(RecipeRung("bias_only", "only biases, normalisation scales and the head tuned", light))
    return [*rungs, EnsembleRung(("probe", "lp_ft", "bias_only"))]


def recipe_rungs(chosen: Recipe, baseline: str, context: LadderContext, reserve: float) -> list[Rung]:
    """What the user asked for, beside a baseline and the probe to compare it with."""
    if chosen.name == "probe":
        return [*_baseline(baseline, context, reserve), RecipeRung("probe", chosen.about, chosen)]
    first = [rung for rung in _baseline(baseline, context, reserve) if rung.name != chosen.name]
    return [*first, _probe(), RecipeRung(chosen.name, chosen.about, chosen)]


def _probe() -> RecipeRung:
    return RecipeRung("probe", "a linear head on frozen features", named("probe", heads=HEADS))


def _baseline(baseline: str, context: LadderContext, reserve: float) -> list[Rung]:
    if baseline == "pixels":
        return [PixelRung()]
    if baseline == "scratch":
        recipe = _fitting(
            [named("scratch", epochs=n, augment="none") for n in (60, 40, 30, 20, 15, 10)],
            SCRATCH_SHARE,
            context,
            reserve,
        )
        recipe = recipe or named("scratch", epochs=5, augment="none")
        return [RecipeRung("scratch", "no transfer: all weights drawn anew and trained", recipe, "baseline")]
    return []


def _tune(context: LadderContext, reserve: float) -> Recipe | None:
    """The deepest LP-FT that fits its share of the time, and as many epochs as fit with it."""
    blocks = len(context.backbone.chain.blocks)
    depths = [d for d in DEPTHS if d < blocks]
    options = [named("lp_ft", from_block=d, epochs=n) for d in depths for n in EPOCHS]
    return _fitting(options, TUNE_SHARE, context, reserve)


def _light(context: LadderContext, reserve: float) -> Recipe | None:
    return _fitting([named("bias_only", epochs=n) for n in (12, 8, 5)], LIGHT_SHARE, context, reserve)


def _fitting(options: list[Recipe], share: float, context: LadderContext, reserve: float) -> Recipe | None:
    """The first option whose expected time is within the share of what is left."""
    network, allowed = context.network(), share * max(0.0, context.deadline.left() - reserve)
    for option in options:
        if compile_plan(option, network, context.data.facts, speed=context.speed).seconds <= allowed:
            return option
    return None
