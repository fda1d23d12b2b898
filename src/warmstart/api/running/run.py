"""One run from the ladder to the last file: climb, fit again, open the test set, write."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from warmstart.api.finishing.at_size import again_seconds, at_its_size
from warmstart.api.finishing.finish import FINAL, Measured, measure, outcome
from warmstart.api.finishing.near import with_near_copies
from warmstart.api.finishing.pictured import pictured
from warmstart.api.finishing.projected import projection
from warmstart.api.finishing.reference import SHARE, Judged, expected_seconds, judge
from warmstart.api.finishing.shifted import shift
from warmstart.api.finishing.written import room, told, written
from warmstart.api.inputs.prepare import Loaded
from warmstart.api.running.begun import as_begun
from warmstart.api.running.pace import set_pace
from warmstart.api.running.rungs import default_rungs, recipe_rungs
from warmstart.data.contact import contact_sheet
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Sample
from warmstart.engine.events import Finished, Started
from warmstart.engine.ladder.climb import REFERENCES, climb, refit
from warmstart.engine.ladder.contender import Member
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import RecipeRung, Rung, evaluation_seconds
from warmstart.engine.ledger import Ledger
from warmstart.evaluation.outcome import Outcome
from warmstart.evaluation.scenes import best_score
from warmstart.model.text.writing import LONGEST
from warmstart.planning.peak import measure_peak
from warmstart.preprocess.kinds import of_images, of_texts
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.text import to_yaml
from warmstart.report.card import model_card
from warmstart.report.html import write_report
from warmstart.report.images import illustrated
from warmstart.report.results import write_results
from warmstart.shipping.manifest import Origin
from warmstart.shipping.reference import Reference
from warmstart.shipping.scenes import Marker
from warmstart.shipping.write import Use, write_bundle

PEAK_SECONDS = 0.3
"""That measuring the machine's fastest matrix product may take."""
OVERHEAD = 7.0
"""Seconds kept back for the bundle, the report and its pictures."""


@dataclasses.dataclass
class Run:
    """What `fit` has put together before anything is trained."""

    folder: Path
    context: LadderContext
    loaded: Loaded
    recipe: Recipe | None
    baseline: str
    decisions: list[str]
    budget: float
    started: float
    command: str
    ledger: Ledger
    members: tuple[Member, ...] = ()
    shipped: LadderContext = dataclasses.field(init=False)
    """The run as what is shipped sees it."""
    rates: dict[str, float] = dataclasses.field(default_factory=dict)
    reference: Reference | None = None
    windowed: bool = False
    least_score: float = 0.0
    tile: int | None = None
    names: bool = False
    """Whether the bundle holds what training samples are called."""
    references: Collection[str] = REFERENCES
    made_from: tuple[Origin, ...] = ()

    def _set_pace(self) -> None:
        """Choose what computes activations, and keep what was measured for the report."""
        context, split = self.context, self.context.data.split
        choice = set_pace(context, self.folder, len(split.train) + len(split.val) + len(split.test))
        peak, speed = measure_peak(PEAK_SECONDS), context.speed.flops
        self.rates = {name: speed * rate / choice.rates["torch"] for name, rate in choice.rates.items()}
        self.rates["peak"] = max(peak.flops, *self.rates.values())

    def _prefetch(self, rungs: Sequence[Rung]) -> None:
        """Compute in one pass the activations that several rungs will ask for."""
        context, split = self.context, self.context.data.split
        cuts = {cut for rung in rungs if isinstance(rung, RecipeRung) for cut in rung.cuts(context)}
        context.prefetch(cuts, np.concatenate([split.train, split.val]))

    def _rungs(self, reserve: float) -> list[Rung]:
        """What is tried; `reserve` seconds are not to be spent."""
        if self.recipe is None:
            return default_rungs(self.context, self.baseline, reserve)
        return recipe_rungs(self.recipe, self.baseline, self.context, reserve)

    def climb(self) -> Outcome:
        """Climb the ladder, fit the chosen rung on all labels, open the test set, and collect what is known."""
        context = self.context
        self._set_pace()
        reserve = OVERHEAD + 1.2 * evaluation_seconds(context, len(self.loaded.split.test))
        reserve += expected_seconds(context, self.budget) + again_seconds(context)
        rungs = as_begun(self._rungs(reserve), self.folder)
        self._prefetch(rungs)
        climbed = climb(rungs, context, reserve=reserve, choose=None if self.recipe is None else self.recipe.name)
        began = time.monotonic()
        again = refit(climbed, rungs, context, reserve=reserve, references=self.references)
        final = again.get(climbed.chosen)
        refit_seconds = max(time.monotonic() - began, final.seconds if final is not None else 0.0)
        shipped = final or climbed.contenders[climbed.chosen]
        self.members, self.shipped = shipped.members, context.seen_by(shipped)
        chosen = climbed.contenders[climbed.chosen]
        self.least_score = best_score(context.task, chosen.val_outputs, context.data.targets(context.data.split.val))
        context.listener(Started("test"))
        measured = measure(climbed, again, context)
        spare = max(context.deadline.left() - OVERHEAD, SHARE * self.budget)
        judged = judge(climbed.contenders[climbed.chosen], self.members[0], measured, self.shipped, spare)
        self.reference = judged.reference
        context.listener(Finished("test"))
        audit = with_near_copies(self.loaded.audit, measured, context)
        found = outcome(
            climbed,
            final,
            measured,
            self.shipped,
            tried=context.backbone.card,
            audit=audit.to_dict(),
            decisions=self.decisions,
            budget=self.budget,
            command=self.command,
            refit_seconds=refit_seconds,
            elapsed=lambda: time.monotonic() - self.started,
            times=self.ledger.times,
            rates={"peak": self.rates["peak"], "frozen part": self.rates[context.data.runtime]},
        )
        return self._told(found, judged, measured)

    def _told(self, found: Outcome, judged: Judged, measured: Measured) -> Outcome:
        """With what features say of the parts and of single samples, and with thumbnails."""
        store = self.loaded.store
        if found.task == "generate":
            samples = [self.loaded.dataset.samples[int(i)] for i in measured.indices]
            also = [one.id for one in found.shown]
            texts = written(self.members[0].network, of_texts(store.spec), samples, also, seed=found.seed)
            found = dataclasses.replace(
                found, shown=told(found.shown, texts.texts), test={**found.test, **texts.metrics}
            )
        if found.marked:
            samples = [self.loaded.dataset.samples[int(i)] for i in measured.indices]
            found = at_its_size(found, samples, dataclasses.replace(self._marker(), tile=self.tile), self.context)
            found = dataclasses.replace(found, marked=pictured(found.marked, samples, self._marker()))
        return dataclasses.replace(
            found,
            coverages=judged.coverages,
            unknowns=judged.unknowns,
            shift=shift(measured, self.context),
            **illustrated({name: getattr(found, name) for name in ("mistakes", "cells", "shown", "by_task")}, store),
            projection=projection(
                self.shipped, self.members[0], measured.on, measured.indices, measured.outputs[FINAL]
            ),
        )

    def _marker(self) -> Marker:
        """What finds boxes and masks in images of any size, as the bundle will."""
        target = self.loaded.dataset.target
        assert isinstance(target, BoxTarget | MaskTarget), "asked of boxes and masks alone"
        networks = [member.network for member in self.members]
        return Marker(networks, of_images(self.context.data.spec), self.context.task, target, self.least_score)


def golden(loaded: Loaded) -> list[Sample]:
    """Candidates for the sample that is shipped, so that answers can be checked wherever the bundle is loaded."""
    split = loaded.split
    pool = split.test if len(split.test) else split.val
    return [loaded.dataset.samples[int(i)] for i in pool[:32]]


def write(found: Outcome, run: Run) -> None:
    """Bundle, results and report. `results.json` comes last: it says that the run is finished."""
    loaded, folder = run.loaded, run.folder
    recipes = {member.recipe.name: member.recipe for member in run.members}
    shutil.rmtree(folder / "bundle", ignore_errors=True)  # left by a run that was killed before results.json was there
    write_bundle(
        folder / "bundle",
        [member.network for member in run.members],
        target=loaded.dataset.target,
        preprocess=run.shipped.data.spec,
        golden=[sample.source for sample in golden(loaded)],
        recipes=[member.recipe.name for member in run.members],
        recipe="---\n".join(to_yaml(recipe) for recipe in recipes.values()),
        temperature=found.temperature,
        metrics={name: dataclasses.asdict(interval) for name, interval in found.test.items()},
        card=model_card(found),
        data=found.data,
        reference=run.reference if run.names or run.reference is None else run.reference.without_names(),
        use=_use(run, found),
        made_from=run.made_from,
    )
    sheet = contact_sheet(loaded.dataset) if run.context.data.spec.kind == "image" else None
    write_report(found, folder / "report.html", contact_sheet=sheet)
    write_results(found, folder / "results.json")


def _use(run: Run, found: Outcome) -> Use:
    """How the bundle is to be asked."""
    samples, longest = run.loaded.dataset.samples, LONGEST
    if found.task == "generate":
        longest = room(of_texts(run.context.data.spec), samples)
    return Use(longest, samples[0].source.steps if run.windowed else None, run.least_score, run.tile)
