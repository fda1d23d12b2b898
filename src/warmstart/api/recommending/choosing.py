"""The middle of a `recommend`: views, halving, finalists, and what is told of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from warmstart.api.inputs.bands import measured
from warmstart.api.inputs.options import KEPT
from warmstart.api.inputs.prepare import Loaded
from warmstart.api.inputs.reading import fitted, read_inputs
from warmstart.api.recommending.candidates import Candidate, Field, Wanted, better_elsewhere
from warmstart.api.recommending.finalists import Finalist, against, finalist, in_order
from warmstart.api.recommending.transferable import with_transferability
from warmstart.api.running.command import command
from warmstart.api.running.environment import environment
from warmstart.api.running.run import PEAK_SECONDS
from warmstart.data.futures import ForecastTarget
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Decided, Listener, silent
from warmstart.engine.from_data import learn_from
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.outcome import Difference
from warmstart.evaluation.recommendation import Elsewhere, Probed, Ranked, Recommendation
from warmstart.model.backbone import Backbone
from warmstart.model.beside import CONTEXT
from warmstart.model.uri import Uri
from warmstart.planning.peak import measure_peak
from warmstart.planning.plan import CacheLimits
from warmstart.preprocess.text import TextSpec
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.text import to_yaml
from warmstart.select.advice import expected_method, why
from warmstart.select.halving import SAMPLES, Halving, halve
from warmstart.select.transferability import metrics
from warmstart.select.view import View
from warmstart.task.base import task_of

LOADING, HALVING, MEASURES = 0.25, 0.5, 0.15
"""Shares of the time left that loading and measuring the candidates, then the halving, and then the measures of
transferability may take."""
RESERVE = 2.0
"""Seconds kept back for the page."""
FINALISTS = 2


@dataclasses.dataclass(frozen=True)
class Decision:
    """What was found out."""

    ranked: tuple[Ranked, ...]
    agreement: dict[str, float]
    left_out: dict[str, str]
    elsewhere: tuple[Elsewhere, ...]
    finalists: tuple[Finalist, ...]
    difference: Difference | None
    views: dict[str, View]


@dataclasses.dataclass
class Choosing:
    """One `recommend`, with the data read."""

    field: Field
    wanted: Wanted
    loaded: Loaded
    data: RunData
    deadline: Deadline
    listener: Listener
    budget: float  # seconds for everything

    def decide(self, reference: Backbone) -> Decision:
        """Look at the candidates in order of their priors, halve them, and tune the best two."""
        split, seed = self.data.split, self.wanted.seed
        samples = min(SAMPLES, len(split.train))
        affordable = self.deadline.left() * HALVING * measure_peak(PEAK_SECONDS).flops / 1e9 / samples
        left_out = dict(self.field.left_out)
        views = self._views(reference, affordable, samples, left_out)
        halving = halve(
            list(views.values()),
            seed=seed,
            deadline=Deadline(HALVING * (self.deadline.left() - RESERVE)),
            listener=self.listener,
        )
        left_out |= dict.fromkeys(halving.unseen, "no time in the budget for its first features")
        by_uri = {candidate.uri: candidate for candidate in self.field.candidates}
        limit = Deadline(MEASURES * self.deadline.left())
        rows, agreement = with_transferability(
            [ranked(by_uri[uri], views[uri], halving) for uri in halving.ranking], views, self.wanted.heads, limit, seed
        )
        finalists = self._finalists([views[uri] for uri in worth_tuning(halving)])
        pair = against(finalists[0], finalists[1], seed) if len(finalists) == FINALISTS else None
        first = [one.tuned.backbone for one in finalists if pair is not None]  # one alone says nothing of the other
        best_prior = max(by_uri[uri].prior.score for uri in views)
        return Decision(
            tuple(sorted(rows, key=lambda row: first.index(row.backbone) if row.backbone in first else len(first))),
            agreement,
            left_out,
            better_elsewhere(self.field, best_prior, self.wanted, affordable),
            tuple(finalists),
            pair,
            views,
        )

    def _views(self, reference: Backbone, affordable: float, samples: int, left_out: dict[str, str]) -> dict[str, View]:
        """The candidates loaded and measured, in order; the first in any case."""
        limit, views = Deadline(LOADING * self.deadline.left()), dict[str, View]()
        for number, candidate in enumerate(self.field.candidates):
            gflops = self.wanted.gflops(candidate.row)
            if views and gflops > affordable:
                left_out[candidate.uri] = f"{gflops:.3g} GFLOP a sample, for which the budget is too short here"
            elif views and limit.passed:
                left_out[candidate.uri] = "no time in the budget to load and measure it"
            else:
                backbone = candidate.backbone or (self.wanted.load(candidate.uri) if number else reference)
                views[candidate.uri] = self._view(candidate.uri, backbone)
                views[candidate.uri].measure(samples)
        for uri, reason in left_out.items():
            self.listener(Decided(f"{uri} is left out: {reason}"))
        return views

    def _view(self, uri: str, backbone: Backbone) -> View:
        """The data as a backbone is to see them: bands normalised as they are, all else read anew."""
        size = self.wanted.size
        if backbone.spec.kind == "image":
            spec = measured(backbone.preprocess, self.data.dataset, self.listener)
            return View(uri, dataclasses.replace(backbone, spec=spec), self.data, size)
        if size is not None and isinstance(backbone.spec, TextSpec):
            size = min(size, backbone.spec.limit)
        backbone = fitted(backbone, self.data.dataset)
        nothing = CacheLimits(total=0)
        store, _ = read_inputs(self.data.dataset, backbone, size, silent, limits=nothing, seconds=self.budget)
        data = dataclasses.replace(self.data, store=store, spec=store.spec)
        if backbone.spec.kind == "series":
            backbone = backbone.clone()
            learn_from(data, backbone, self.wanted.seed)
        return View(uri, backbone, data)

    def _finalists(self, views: list[View]) -> list[Finalist]:
        """Those of them that there was time for, the better first; without the first the next has nothing to be held
        against.
        """
        found = list[Finalist]()
        for number, view in enumerate(views):
            left = max(self.deadline.left() - RESERVE, 0.0)
            share = left / (len(views) - number)
            one = finalist(view, share, left, seed=self.wanted.seed, listener=self.listener)
            if one is None:
                break
            found.append(one)
        return in_order(found)

    def told(
        self,
        decision: Decision,
        options: dict[str, Any],
        recipe: Path,
        decisions: list[str],
        took: float,
    ) -> Recommendation:
        """All of it as facts. `recipe` is where the recipe will lie."""
        split, target, best = self.data.split, self.data.dataset.target, decision.ranked[0]
        forecast = isinstance(target, ForecastTarget)
        per_class = None if forecast else len(split.train) / len(target.classes)
        tuned = tuple(one.tuned for one in decision.finalists)
        mine = next((one for one in decision.finalists if one.tuned.backbone == best.backbone), None)
        method = mine.tuned.method if mine else expected_method(per_class, best.rounds[-1].best)[0]
        chosen = mine.recipe if mine else load_recipe(method)
        said = method if chosen == load_recipe(method) else str(recipe)
        return Recommendation(
            data=self.data.dataset.name,
            kind=self.data.spec.kind,
            classes=() if forecast else tuple(target.classes),
            split={part: len(getattr(split, part)) for part in ("train", "val", "test")} | {"how": split.how},
            audit=self.loaded.audit.to_dict(),
            metric=task_of(target).primary_metric,
            candidates=decision.ranked,
            left_out=decision.left_out,
            elsewhere=decision.elsewhere,
            tuned=tuned,
            difference=decision.difference,
            measures={name: (metrics[name].title, metrics[name].paper) for name in metrics},
            agreement=decision.agreement,
            backbone=best.backbone,
            method=method,
            recipe=to_yaml(chosen),
            why=why(best, decision.ranked[1:], tuned, decision.difference, per_class),
            decisions=tuple(decisions),
            seconds=took,
            budget=self.budget,
            seed=self.wanted.seed,
            environment=environment(),
            command=command("recommend", [options["data"]], options),
            next_command=_next(options, decision.views[best.backbone], said),
        )


def worth_tuning(halving: Halving) -> list[str]:
    """The best backbone, and the next one unless its probes are surely worse: then all the time is the best one's."""
    best: dict[str, Interval] = {}
    for score in halving.rounds[-1].scores:
        if score.backbone not in best or score.accuracy.value > best[score.backbone].value:
            best[score.backbone] = score.accuracy
    first, *others = halving.ranking[:FINALISTS]
    return [first, *(uri for uri in others if uri not in best or best[uri].high >= best[first].low)]


def ranked(candidate: Candidate, view: View, halving: Halving) -> Ranked:
    """A candidate with all that was measured of it."""
    card, uri = view.backbone.card, candidate.uri
    rounds = [(row, [score for score in row.scores if score.backbone == uri]) for row in halving.rounds]
    return Ranked(
        backbone=uri,
        name=candidate.row.uri,
        architecture=card.architecture,
        licence=card.licence,
        trained_on=card.trained_on,
        parameters=card.parameters,
        size=view.size,
        gflops=view.gflops,
        seconds_per_sample=view.seconds(),
        prior=candidate.prior.score,
        prior_basis=candidate.prior.basis,
        rounds=tuple(
            Probed(row.samples, scores[0].size, {score.head: score.accuracy for score in scores})
            for row, scores in rounds
            if scores
        ),
    )


def _next(options: dict[str, Any], view: View, recipe: str) -> str:
    """The `fit` that does what was recommended: features of the same blocks, the same parts of the data."""
    own = [group for group in view.backbone.groups if group.name != CONTEXT]  # what stands beside them, fit adds
    taps = len(own) - 1 if len(own) > 1 else None
    uri = str(dataclasses.replace(Uri.of(view.uri), taps=taps))
    same = {key: options[key] for key in ("accept_licence", *KEPT) if key in options}
    asked = {"backbone": uri, "recipe": recipe} | same
    return command("fit", [options["data"]], asked)
