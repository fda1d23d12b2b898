"""Which rungs a `fit` climbs, from the number of labels, the size of the images and the time there is."""

from __future__ import annotations

import dataclasses

from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.mixtures import AverageRung, EnsembleRung
from warmstart.engine.ladder.rungs import PixelRung, RecipeRung, Rung
from warmstart.planning.compile import compile_plan
from warmstart.recipe.methods import load_recipe
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
    time = Time(context, reserve)
    blocks = len(context.backbone.chain.blocks)
    tunes = [load_recipe("lp_ft", from_block=d, epochs=n) for d in DEPTHS if d < blocks for n in EPOCHS]
    lights = [load_recipe("bias_only", epochs=n) for n in (12, 8, 5)]
    return [
        *_baseline(baseline, time),
        _probe(),
        RecipeRung("lp_ft", "probe, then tuning from it", time.best(tunes, TUNE_SHARE)),
        AverageRung("lp_ft"),
        RecipeRung("bias_only", "only biases, normalisation scales and the head tuned", time.best(lights, LIGHT_SHARE)),
        EnsembleRung(("probe", "lp_ft", "bias_only")),
    ]


def recipe_rungs(chosen: Recipe, baseline: str, context: LadderContext, reserve: float) -> list[Rung]:
    """What the user asked for, beside a baseline and the probe to compare it with."""
    asked = RecipeRung(chosen.name, chosen.about, chosen)
    before = [*_baseline(baseline, Time(context, reserve)), _probe()]
    return [*(rung for rung in before if rung.name != chosen.name), asked]


def _probe() -> RecipeRung:
    return RecipeRung("probe", "a linear head on frozen features", load_recipe("probe", heads=HEADS))


def _baseline(baseline: str, time: Time) -> list[Rung]:
    if baseline == "pixels":
        return [PixelRung()]
    if baseline == "scratch":
        recipe = time.best(
            [load_recipe("scratch", epochs=n, augment="none") for n in (60, 40, 30, 20, 15, 10)], SCRATCH_SHARE
        )
        return [RecipeRung("scratch", "no transfer: all weights drawn anew and trained", recipe, "baseline")]
    return []


@dataclasses.dataclass(frozen=True)
class Time:
    """What fits into the time there is. `reserve` seconds are not to be spent."""

    context: LadderContext
    reserve: float

    def best(self, options: list[Recipe], share: float) -> Recipe:
        """The first option whose expected time is within `share` of what is left; the last one if none is.

        The ladder asks again before it starts a rung, and skips it, saying so, if there is no time for it then.
        """
        network, facts = self.context.network(), self.context.data.facts
        allowed = share * max(0.0, self.context.deadline.left() - self.reserve)
        fitting = (o for o in options if compile_plan(o, network, facts, speed=self.context.speed).seconds <= allowed)
        return next(fitting, options[-1])
