"""The rungs: each does one thing, and can do the same again on more data with its choices fixed.

`again` is how the chosen rung is fitted on training and validation samples together, once everything is decided.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from warmstart.cache.rows import spilled
from warmstart.data.schema import IntArray
from warmstart.data.stores import images_of
from warmstart.engine.allowance import holds_features
from warmstart.engine.finished import RecipeResult
from warmstart.engine.heads.blocks.of_task import can, fit_in_blocks
from warmstart.engine.heads.of_task import fit_head
from warmstart.engine.heads.threads import threads_for
from warmstart.engine.ladder.contender import Contender, Member
from warmstart.engine.ladder.context import LadderContext
from warmstart.planning.plan import HeadPlan, PhasePlan, StatisticsPlan
from warmstart.planning.profile import profile, profile_head
from warmstart.planning.table import plan_text
from warmstart.preprocess.image import normalise
from warmstart.preprocess.kinds import of_images
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.recipe.phase import GradientStep
from warmstart.recipe.recipe import Recipe

Role = Literal["candidate", "baseline"]
Earlier = dict[str, Contender]
PIXELS = 16
AT_ONCE = 4096
"""Images whose pixels are held at a time, where those of all are not."""


class Rung(Protocol):
    """One thing that is tried. `earlier` holds the contenders before it, by name."""

    name: str
    about: str
    role: Role

    @property
    def after(self) -> tuple[str, ...]:
        """Rungs without which this one cannot be."""
        ...

    def seconds(self, context: LadderContext) -> float:
        """Expected time of `climb`, from the plan."""
        ...

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Do it, and choose what is to be chosen on validation."""
        ...

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """Do it on other data with the choices of `first`; `earlier` holds what was done again before."""
        ...


@dataclasses.dataclass
class PixelRung:
    """A linear head on the pixels themselves, at 16 x 16: what can be had without any transfer."""

    name: str = "pixels"
    about: str = f"no transfer: a linear model on raw pixels at {PIXELS} x {PIXELS}"
    role: Role = "baseline"
    after: tuple[str, ...] = ()

    def seconds(self, context: LadderContext) -> float:
        """Decoding is shared with every other rung; what is left is about a second."""
        return 1.0

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Fit by ridge with exact leave-one-out."""
        data, task = context.data, context.task
        train, classes = data.split.train, len(data.dataset.target.classes)
        width = self._features(context, train[:1]).shape[1]
        heads, targets = ("ridge",), data.targets(train)
        if holds_features(len(train), width, classes) or not can(task, heads):
            fitted = fit_head(task, self._features(context, train), targets, classes, heads, context.seed)
        else:
            rows = spilled(self._in_parts(context, train), (width,), data.cache.folder, data.limits.mapped)
            fitted = fit_in_blocks(task, rows, targets, classes, heads, context.seed)

        def outputs(indices: IntArray) -> Tensor:
            return torch.cat([fitted.logits(rows) for rows in self._in_parts(context, indices)] or [empty])

        empty = torch.empty(0, classes)
        return Contender(self.name, outputs, outputs(data.split.val))

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """A baseline is fitted on the same samples as what it is compared with."""
        return self.climb(context, earlier)

    def _in_parts(self, context: LadderContext, indices: IntArray) -> Iterator[Tensor]:
        """The features of some samples after the other, (n, d) each."""
        return (self._features(context, indices[i : i + AT_ONCE]) for i in range(0, len(indices), AT_ONCE))

    def _features(self, context: LadderContext, indices: IntArray) -> Tensor:
        store, spec = images_of(context.data.store), of_images(context.data.spec)
        with threads_for(spec.size**2):  # an image at a time: two threads take more than twice as long
            pixels = [_units(store.get(int(i), crop=True), spec) for i in indices]
            rows = [functional.adaptive_avg_pool2d(image, PIXELS).flatten(1) for image in pixels]
        return torch.cat(rows) if rows else torch.empty(0, spec.channels * PIXELS * PIXELS)


def _units(pixels: Tensor, spec: PreprocessSpec) -> Tensor:
    """One image (1, C, H, W) in the units of its values: 0..1 of a picture, standard deviations of bands."""
    return normalise([pixels], spec) if spec.banded else pixels.float().unsqueeze(0) / 255


@dataclasses.dataclass
class RecipeRung:
    """Whatever a recipe says."""

    name: str
    about: str
    recipe: Recipe
    role: Role = "candidate"
    after: tuple[str, ...] = ()
    favoured: bool = False
    """It was better than the others wherever it was tried on such data: few validation samples have to speak against
    it."""

    def seconds(self, context: LadderContext) -> float:
        """As the plan expects on this machine; nothing if it was finished before, since it is only loaded then."""
        if context.finished(self.name):
            return 0.0
        return context.seconds(self.recipe)

    def cuts(self, context: LadderContext) -> set[int]:
        """Cuts of the pretrained backbone whose activations the recipe will ask for; none if it was finished before."""
        if context.finished(self.name):
            return set()
        steps = context.plan(self.recipe).steps
        plans = [
            step for step in steps if isinstance(step, HeadPlan | PhasePlan) and step.size == context.data.spec.size
        ]
        return {p.cache.cut for p in plans if p.cache.what == "activations" and p.cache.dtype == "fp32" and _plain(p)}

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Run the recipe."""
        return self._run(self.recipe, context)

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """Run it for as long as before, with nothing left to choose."""
        return self._run(settled(first, context.task.primary_metric), context)

    def _run(self, recipe: Recipe, context: LadderContext, start: Member | None = None) -> Contender:
        """Run it on a new network, or on that of another rung: the recipe of the whole is then that of both."""
        result = context.run(recipe, self.name, None if start is None else start.network)
        cut, whole = _untouched(result), recipe
        if start is not None:
            cut, whole = min(cut, start.cut), joint(start.recipe, recipe)
        member = Member(result.network, cut, whole)
        val = result.val_outputs
        if result.plan.steps[-1].size != context.data.spec.size:  # what is shipped sees images of the run's size
            val = context.outputs(member, context.data.split.val)
        return Contender(
            self.name,
            lambda indices: context.outputs(member, indices),
            val,
            (member,),
            curve=result.curve,
            trained_parameters=result.trained,
            plan=plan_text(result.plan),
            seconds=result.seconds,
            stopped=result.stopped,
            left_out=result.left_out,
        )


@dataclasses.dataclass
class FromRung(RecipeRung):
    """A recipe on the network that another rung has left, rather than on a new one."""

    start: str = ""
    """Name of that rung."""

    def __post_init__(self) -> None:
        self.after = (self.start,)

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Run the recipe from there."""
        found = self._run(self.recipe, context, earlier[self.start].members[0])
        return dataclasses.replace(found, started_from=self.after)

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """Run it for as long as before, from the other rung as it was fitted again."""
        whole = settled(first, context.task.primary_metric)
        own = whole.model_copy(update={"steps": whole.steps[-len(self.recipe.steps) :]})
        found = self._run(own.model_copy(update={"name": self.recipe.name}), context, earlier[self.start].members[0])
        return dataclasses.replace(found, started_from=self.after)


def joint(first: Recipe, then: Recipe) -> Recipe:
    """One recipe that does what one after the other does."""
    return then.model_copy(update={"steps": (*first.steps, *then.steps)})


def _phases(result: RecipeResult) -> list[PhasePlan]:
    return [step for step in result.plan.steps if isinstance(step, PhasePlan)]


def _untouched(result: RecipeResult) -> int:
    """The highest cut below which nothing has changed, statistics of norms included."""
    if any(isinstance(step, StatisticsPlan) for step in result.plan.steps):
        return 0
    phases = _phases(result)
    return min((p.cut for p in phases), default=len(result.network.facts.chain.cuts) - 1)


def settled(first: Contender, metric: str) -> Recipe:
    """The recipe without what needs validation: a phase that could stop early is as long as it was good for."""
    recipe = first.members[0].recipe
    steps = []
    for step in recipe.steps:
        if isinstance(step, GradientStep):
            epochs = step.epochs if step.early_stopping is None else _best_epoch(step, first, metric)
            step = step.model_copy(update={"early_stopping": None, "start": "last", "epochs": epochs})
        steps.append(step)
    return recipe.model_copy(update={"steps": tuple(steps)})


def _best_epoch(phase: GradientStep, first: Contender, metric: str) -> int:
    """The epoch whose weights were kept. Recipes name their phases apart, or phases of one name share the epoch."""
    rows = [row.values | {"epoch": row.epoch} for row in first.curve if row.phase == phase.name]
    scored = [values for values in rows if "val_loss" in values]
    best = max(scored, key=lambda values: (values.get(f"val_{metric}", 0.0), -values["val_loss"]), default=None)
    return phase.epochs if best is None else min(int(best["epoch"]), phase.epochs)


def evaluation_seconds(context: LadderContext, images: int) -> float:
    """Expected time to push so many images through the whole network."""
    backbone = context.backbone
    flops = profile(backbone, 0, len(backbone.chain.cuts) - 1, context.data.spec.size).flops
    seconds = images * flops / (context.speed.flops * context.speed.extraction)
    if backbone.maps is None:
        return seconds
    return seconds + images * profile_head(context.network(), context.data.spec.size).flops / context.speed.of_head


def _plain(plan: HeadPlan | PhasePlan) -> bool:
    """Whether what is stored are the images as evaluation sees them."""
    return isinstance(plan, HeadPlan) or plan.phase.augment == "none"
