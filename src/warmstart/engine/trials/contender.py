"""What competes: a method on a backbone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal

from warmstart.engine.ladder.alone import AloneRung
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import RecipeRung
from warmstart.engine.ladder.simple import SIMPLE, SimpleRung
from warmstart.model.network import Network
from warmstart.planning.plan import HeadPlan, PhasePlan
from warmstart.planning.profile import profile, profile_head
from warmstart.recipe.phase import GradientStep
from warmstart.recipe.recipe import Recipe
from warmstart.task.several import Several

Role = Literal["no transfer", "frozen", "tuned"]


@dataclasses.dataclass(frozen=True)
class Contestant:
    """One row of a comparison. `recipe` is None for `pixels` and `tfidf`; `fixed`: the user wrote down its epochs;
    `alone`: each of several tasks is trained by itself.
    """

    name: str
    method: str
    backbone: str
    recipe: Recipe | None
    fixed: bool = False
    alone: bool = False

    @property
    def rung(self) -> SimpleRung | RecipeRung | AloneRung:
        """What runs it."""
        if self.recipe is None:
            return SIMPLE[self.method]()
        own = RecipeRung(self.recipe.name, self.recipe.about, self.recipe)
        return AloneRung(own, self.method) if self.alone else own

    def in_batches(self, size: int) -> Contestant:
        """With batches of so many samples, unless the user wrote the method down."""
        return self._trained(lambda _: {"batch_size": size})

    def scaled(self, share: float) -> Contestant:
        """With so many of its epochs, at least one in each phase."""
        return self._trained(lambda step: {"epochs": max(1, round(share * step.epochs))})

    def _trained(self, change: Callable[[GradientStep], dict[str, int]]) -> Contestant:
        """With what `change` says of each step that trains; as it is where the user wrote it down."""
        if self.recipe is None or self.fixed:
            return self
        steps = tuple(
            step.model_copy(update=change(step)) if isinstance(step, GradientStep) else step
            for step in self.recipe.steps
        )
        return dataclasses.replace(self, recipe=self.recipe.model_copy(update={"steps": steps}))

    @property
    def epochs(self) -> int:
        """Of all phases together."""
        steps = () if self.recipe is None else self.recipe.steps
        return sum(step.epochs for step in steps if isinstance(step, GradientStep))

    def role(self, context: LadderContext) -> Role:
        """Whether it transfers anything, and whether it moves what it transfers."""
        if self.recipe is None or self.recipe.edits.reset is True:
            return "no transfer"
        last = len(context.backbone.chain.cuts) - 1
        steps = context.plan(self.recipe).steps
        moves = any(isinstance(step, PhasePlan) and step.cut < last for step in steps)
        return "tuned" if moves or self.recipe.edits.reset else "frozen"

    def seconds(self, context: LadderContext, network: Network, held: int) -> float:
        """Expected time of one trial on `network`, what is stored for all trials left out."""
        if self.recipe is None:
            return self.rung.seconds(context)
        speed = context.speed
        free = dataclasses.replace(speed, images=1e12, extraction=1e12)  # what is stored costs nothing again
        inner = dataclasses.replace(context, speed=free)
        plan = inner.plan(self.recipe, network)
        cut = min((s.cut for s in plan.steps if isinstance(s, PhasePlan)), default=None)
        above = 0.0
        if cut is not None:
            from_cut = profile(context.backbone, cut, len(context.backbone.chain.cuts) - 1, context.data.spec.size)
            head = 0 if context.backbone.maps is None else profile_head(network, context.data.spec.size).flops
            above = held * (from_cut.flops / speed.flops + head / speed.of_head)
        fits = sum(isinstance(step, HeadPlan) for step in plan.steps)
        networks = len(context.task.parts) if self.alone and isinstance(context.task, Several) else 1
        return networks * (plan.seconds + above + 0.3 * fits)
