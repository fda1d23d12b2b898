"""A run whose chosen rung learns from a teacher, and what is told of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch

from warmstart.api.distillation.saved import Side, compared
from warmstart.api.distillation.teacher import Teacher
from warmstart.api.finishing.finish import FINAL, PARTS, Measured
from warmstart.api.finishing.reference import Judged
from warmstart.api.running.run import Run
from warmstart.api.running.rungs import Time
from warmstart.engine.ladder.rungs import RecipeRung, Rung
from warmstart.engine.machine import cores
from warmstart.errors import RecipeError
from warmstart.evaluation.compare import difference
from warmstart.evaluation.distilled import Distilled
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.intervals import bootstrap
from warmstart.evaluation.outcome import Difference, Outcome
from warmstart.evaluation.scoring import interval_of, of_known, scores
from warmstart.evaluation.student import verdict
from warmstart.methods.distillation.loss import agreement
from warmstart.methods.distillation.rungs import ALONE, TEACHER, AloneRung, TeacherRung, taught
from warmstart.model.backbone import Backbone
from warmstart.recipe.distilling import Distill
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.recipe import Recipe
from warmstart.report.words import noun_of

NAME = "distill"
EPOCHS = (20, 10, 6, 4, 2, 1)
SHARE = 0.3
"""Of the time, that the student may take; the same backbone without a teacher takes as long."""
UNTRAINED: dict[str, Any] = {"lr": 1e-3, "norm": "train", "layer_decay": 1.0, "probe": False}
"""What a student with random weights is trained with: all of it at one rate from a new head, its normalisation with
it."""
_MEASURED = 64
"""Samples of which inputs are taken for the clock."""


def chosen_recipe(recipe: str | Path | Recipe | None, student: Backbone, *, labelled: bool) -> Recipe:
    """The recipe that was asked for, or that which suits the student.

    Raises:
        RecipeError: it does not distil, or takes a part of its loss from labels where there are none.
    """
    if recipe is None:
        how = UNTRAINED if student.card.random else {}
        return load_recipe(NAME, **how, share=0.7 if labelled else 1.0).model_copy(update={"name": NAME})
    found = load_recipe(recipe)
    steps = [step for step in found.steps if isinstance(step, Distill)]
    if not steps:
        raise RecipeError(
            f"the recipe {found.name} learns from labels alone",
            expected="one with a step of the kind distill",
            do="take distill, or leave the recipe out",
        )
    if not labelled and (part := max(1 - step.share for step in steps)) > 0:
        raise RecipeError(
            f"the recipe {found.name} takes {part:.0%} of its loss from labels, and there are none",
            expected="share=1 where there are no labels",
            do="take distill?share=1, leave the recipe out, or give labelled data",
        )
    return found


@dataclasses.dataclass
class DistillRun(Run):
    """The teacher, the student's backbone alone, and the student."""

    teacher: Teacher | None = None
    by_time: bool = False

    def __post_init__(self) -> None:
        self.references = (TEACHER, ALONE)

    def _rungs(self, reserve: float) -> list[Rung]:
        assert self.recipe is not None, "one that distils is always chosen"
        data, recipe = self.context.data, self.recipe
        if self.by_time:
            recipe = Time(self.context, reserve).longest(recipe, EPOCHS, SHARE)
        student = RecipeRung(recipe.name, "the student, which learns from the teacher", recipe)
        if not self._labelled:
            return [student]
        return [TeacherRung(), student, AloneRung.of(recipe, data)]

    @property
    def _labelled(self) -> bool:
        return bool(taught(self.context.data).labelled.any())

    def _told(self, found: Outcome, judged: Judged, measured: Measured) -> Outcome:
        told = super()._told(found, judged, measured)
        facts = self._distilled(found, measured)
        noun = noun_of(self.context.data.spec.to_dict(), task=found.task)
        on = f"{len(measured.indices)} {PARTS[measured.on]} {noun}"
        told = dataclasses.replace(told, distilled=facts, verdict=verdict(facts, on))
        return told if self._labelled else as_agreement(told)

    def _distilled(self, found: Outcome, measured: Measured) -> Distilled:
        """What was kept, and what it saves."""
        task, seed, truth = self.context.task, self.context.seed, measured.truth
        said = taught(self.context.data)
        theirs, own = said.outputs[torch.from_numpy(measured.indices)], measured.outputs[FINAL]
        units = self.context.data.units(measured.indices)
        whole = of_known(task, truth, units)
        samples = [self.loaded.dataset.samples[int(i)] for i in measured.indices[:_MEASURED]]
        teacher, student, faster = compared(*self._sides(), samples, seed)
        alike = agreement(task.name, own, theirs).numpy()
        low = min(0.0, float(alike.min()))

        def reached(name: str) -> Interval | None:
            return interval_of(task, measured.outputs[name], truth, seed, units) if name in measured.outputs else None

        def against(name: str) -> Difference | None:
            if name not in measured.outputs:
                return None
            one, other = (scores(task, measured.outputs[each], truth) for each in (FINAL, name))
            return difference("student", one, name, other, seed, whole)

        train = said.labelled[torch.from_numpy(self.context.data.split.train)]
        step = next(s for s in self._recipe_run.steps if isinstance(s, Distill))
        return Distilled(
            teacher=teacher,
            student=student,
            metric=task.primary_metric,
            agreement=bootstrap(alike, seed=seed, bounds=(low, 1.0), units=units),
            teacher_reached=reached(TEACHER),
            student_reached=reached(FINAL) if self._labelled else None,
            alone_reached=reached(ALONE),
            kept=against(TEACHER),
            gained=against(ALONE),
            faster=faster,
            labelled=int(train.sum()),
            unlabelled=int((~train).sum()),
            temperature=step.temperature,
            share=step.share,
            cores=cores(),
            why_not_alone=self._why_not_alone(found),
        )

    @property
    def _recipe_run(self) -> Recipe:
        return self.members[0].recipe

    def _why_not_alone(self, found: Outcome) -> str:
        if not self._labelled:
            return ""
        row = next((rung for rung in found.rungs if rung.name == ALONE and rung.skipped), None)
        if row is None:
            return ""
        return f"Whether the teacher was needed is not known: the same backbone without one was {row.why}."

    def _sides(self) -> tuple[Side, Side]:
        assert self.teacher is not None
        bundles = self.teacher.bundles
        names = " + ".join(dict.fromkeys(bundle.manifest.backbone.name for bundle in bundles))
        teacher = Side(names, tuple((bundle.networks, bundle.spec) for bundle in bundles))
        networks = tuple(member.network for member in self.members)
        return teacher, Side(self.context.backbone.card.name, ((networks, self.context.data.spec),))


def as_agreement(outcome: Outcome) -> Outcome:
    """An outcome whose truth are the teacher's answers: what is measured is called agreement, and nothing is said that
    only labels could say.
    """
    name = outcome.metric

    def renamed(values: dict[str, Any]) -> dict[str, Any]:
        return {"agreement": values[name]} if name in values else {}

    rungs = tuple(dataclasses.replace(rung, val=renamed(rung.val)) for rung in outcome.rungs)
    return dataclasses.replace(
        outcome,
        metric="agreement",
        test=renamed(outcome.test),
        rungs=rungs,
        confusion=(),
        per_class=(),
        reliability_before=None,
        reliability_after=None,
        mistakes=(),
        cells=(),
        shown=(),
        pairs=(),
        coverages=(),
    )
