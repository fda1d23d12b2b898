"""A run that goes on from a bundle, and what is told of it: gained on the new data, forgotten of the old."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import Tensor

from warmstart.api.finishing.finish import FINAL, Measured
from warmstart.api.finishing.reference import Judged
from warmstart.api.running.run import Run
from warmstart.api.running.rungs import Time
from warmstart.data.schema import IntArray
from warmstart.data.targets import ClassTarget
from warmstart.engine.ladder.rungs import FromRung, Rung
from warmstart.engine.trials.forgetting import forgetting
from warmstart.errors import RecipeError
from warmstart.evaluation.compare import difference
from warmstart.evaluation.forgotten import Change, ClassChange, Forgotten
from warmstart.evaluation.intervals import paired
from warmstart.evaluation.outcome import Outcome
from warmstart.evaluation.scoring import interval_of, of_known, scores
from warmstart.evaluation.updated import verdict
from warmstart.methods.continual.rungs import START, StartRung
from warmstart.preprocess.kinds import Kind
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.step import Average
from warmstart.report.words import noun_of
from warmstart.shipping.bundle import Bundle

NAME = "update"
EPOCHS = (10, 6, 4, 2, 1)
SHARE = 0.4
"""Of the time, that training may take."""
RATES: dict[Kind, float] = {"image": 3e-4, "text": 1e-4, "series": 1e-3}
"""AdamW's rate for the last block where no recipe is named; blocks below learn more slowly, the head as fast."""
DECAY = 0.75
NEVER = -1e4
"""The logit of a class that a network does not know."""


def chosen_recipe(recipe: Any, kind: Kind, *, l2_sp: float, share: float) -> Recipe:
    """The recipe that was asked for, or full tuning, held back by L2-SP and with rehearsal as it is said.

    Raises:
        RecipeError: it would fit a new head, or train something else than the task.
    """
    if recipe is None:
        found = load_recipe("finetune", from_block=0, lr=RATES[kind], head=1.0, layer_decay=DECAY)
        found = found.model_copy(update={"name": NAME})
    else:
        found = load_recipe(recipe)
    odd = [step.kind for step in found.steps if not isinstance(step, Phase | Average)]
    if odd or found.edits.reset:
        why = (
            "draws weights anew" if found.edits.reset else f"has a step of the kind {odd[0]}, after which a head is new"
        )
        raise RecipeError(
            f"the recipe {found.name} {why}: what the bundle knew would be lost",
            expected="phases that go on from it",
            do="take finetune, head_only, gradual or lora, or leave the recipe out",
        )
    return found.model_copy(update={"steps": tuple(_held(step, l2_sp, share) for step in found.steps)})


def _held(step: Any, l2_sp: float, share: float) -> Any:
    """The step with what is said beside the recipe, as far as anything is."""
    if not isinstance(step, Phase):
        return step
    said = {"l2_sp": l2_sp, "rehearsal": share}
    return step.model_copy(update={name: value for name, value in said.items() if value})


@dataclasses.dataclass
class UpdateRun(Run):
    """The network as it was, and trained further."""

    bundle: Bundle | None = None
    was: Recipe | None = None
    """The recipe that the bundle was made by."""
    old: IntArray | None = None
    """Samples of what it knew before, rehearsed or held out."""
    by_time: bool = False

    def __post_init__(self) -> None:
        self.references = (START,)

    @property
    def before(self) -> Bundle:
        """The bundle that is gone on from."""
        assert self.bundle is not None, "a run that updates has one"
        return self.bundle

    def _rungs(self, reserve: float) -> list[Rung]:
        assert self.recipe is not None, "one is always chosen"
        recipe = self.recipe
        if self.by_time:
            recipe = Time(self.context, reserve).longest(recipe, EPOCHS, SHARE)
        start = StartRung(self.before.networks[0], self.was or recipe)
        return [start, FromRung(recipe.name, "the network trained further", recipe, start=START)]

    def _told(self, found: Outcome, judged: Judged, measured: Measured) -> Outcome:
        told = super()._told(found, judged, measured)
        facts = self._forgotten(measured)
        noun = noun_of(self.context.data.spec.to_dict(), task=found.task)
        return dataclasses.replace(told, forgotten=facts, verdict=verdict(facts, noun))

    def _forgotten(self, measured: Measured) -> Forgotten:
        context, known = self.context, len(self.before.classes)
        old = np.isin(measured.indices, [] if self.old is None else self.old)
        before, after = self._before(measured.indices), measured.outputs[FINAL]
        classes = context.data.dataset.target.classes
        phase = next(step for step in self.members[0].recipe.steps[::-1] if isinstance(step, Phase))
        some = context.data.known
        train = context.data.split.train
        drift, _ = forgetting(context, self.members[0], measured.indices)
        return Forgotten(
            metric=context.task.primary_metric,
            new=self._change(before, after, measured, ~old),
            old=self._change(before, after, measured, old) if old.any() else None,
            old_classes=self._by_class(before, after, measured, old),
            new_classes=self._by_class(before, after, measured, ~old),
            added=classes[known:],
            data=self.before.manifest.data,
            created=self.before.manifest.created,
            rehearsed=0 if some is None else int(np.isin(train, some.samples).sum()),
            rehearsal=phase.rehearsal if some is not None and len(some.samples) else 0.0,
            l2_sp=phase.l2_sp,
            drift=drift,
        )

    def _before(self, indices: IntArray) -> Tensor:
        """What the bundle says of the samples, with outputs of `NEVER` for classes that it does not know."""
        samples = [self.loaded.dataset.samples[int(i)] for i in indices]
        outputs = self.before.outputs(samples).outputs
        more = len(self.loaded.dataset.target.classes) - outputs.shape[1]
        return torch.cat([outputs, outputs.new_full((len(outputs), more), NEVER)], 1)

    def _change(self, before: Tensor, after: Tensor, measured: Measured, which: Any) -> Change:
        task, seed, rows = self.context.task, self.context.seed, torch.from_numpy(np.flatnonzero(which))
        one, other, true = before[rows], after[rows], measured.truth[rows]
        units = self.context.data.units(measured.indices[which])
        whole = of_known(task, true, units)
        return Change(
            samples=len(rows),
            before=interval_of(task, one, true, seed, units),
            after=interval_of(task, other, true, seed, units),
            difference=difference("after", scores(task, other, true), "before", scores(task, one, true), seed, whole),
        )

    def _by_class(self, before: Tensor, after: Tensor, measured: Measured, which: Any) -> tuple[ClassChange, ...]:
        """What is answered right of each class among some of the samples; of classes that exclude each other alone."""
        target, known = self.context.data.dataset.target, len(self.before.classes)
        if not isinstance(target, ClassTarget):
            return ()
        rows = []
        for number, name in enumerate(target.classes):
            own = torch.from_numpy(np.flatnonzero(which & (measured.truth == number).numpy()))
            if not len(own):
                continue
            one, other = ((each[own].argmax(1) == number).double().numpy() for each in (before, after))
            gap = paired(other, one, self.context.seed, self.context.data.units(measured.indices[own.numpy()]))
            rows.append(
                ClassChange(name, number < known, len(own), float(one.mean()), float(other.mean()), gap),
            )
        return tuple(rows)
