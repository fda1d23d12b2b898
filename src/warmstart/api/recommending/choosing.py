"""The middle of a `recommend`: views, halving, finalists, and what is told of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from warmstart.api.inputs.options import KEPT
from warmstart.api.inputs.prepare import Loaded
from warmstart.api.recommending.candidates import Candidate, Field, Wanted, better_elsewhere
from warmstart.api.recommending.finalists import Finalist, against, in_order
from warmstart.api.recommending.hands import Hands
from warmstart.api.recommending.looking import Errand
from warmstart.api.recommending.transferable import with_transferability
from warmstart.api.running.command import command
from warmstart.api.running.environment import environment
from warmstart.api.running.run import PEAK_SECONDS
from warmstart.data.futures import ForecastTarget
from warmstart.data.schema import IntArray
from warmstart.data.targets import ClassTarget
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Decided, Listener
from warmstart.engine.fanout.spread import GivenUp
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.outcome import Difference
from warmstart.evaluation.recommendation import Elsewhere, Probed, Ranked, Recommendation
from warmstart.model.uri import Uri
from warmstart.planning.peak import measure_peak
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.text import to_yaml
from warmstart.select.advice import expected_method, why
from warmstart.select.halving import SAMPLES, Halving, Score, halve_by
from warmstart.select.transferability import metrics
from warmstart.select.view import Seen
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
    views: dict[str, Seen]


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
    hands: Hands
    lost: dict[str, GivenUp] = dataclasses.field(default_factory=dict)
    """Candidates that each worker died of."""

    def decide(self) -> Decision:
        """Look at the candidates in order of their priors, halve them, and tune the best two."""
        split, seed = self.data.split, self.wanted.seed
        samples = min(SAMPLES, len(split.train))
        affordable = self.deadline.left() * HALVING * measure_peak(PEAK_SECONDS).flops / 1e9 / samples
        left_out = dict(self.field.left_out)
        views = self._views(affordable, samples, left_out)

        def ask(uris: Sequence[str], indices: IntArray, full: bool) -> dict[str, list[Score]]:
            return self._some(self._each("score", {uri: (views[uri], indices, full) for uri in uris}))

        halving = halve_by(
            ask,
            list(views.values()),
            self.data,
            seed=seed,
            deadline=Deadline(HALVING * (self.deadline.left() - RESERVE)),
            listener=self.listener,
            at_once=self.hands.at_once,
        )
        left_out |= dict.fromkeys(halving.unseen, "no time in the budget for its first features")
        by_uri = {candidate.uri: candidate for candidate in self.field.candidates}
        rows, agreement = self._measured([ranked(by_uri[uri], views[uri], halving) for uri in halving.ranking], views)
        finalists = self._finalists([views[uri] for uri in worth_tuning(halving)])
        rows = list(self._some({row.backbone: row for row in rows if row.backbone not in self.lost}).values())
        pair = against(finalists[0], finalists[1], seed) if len(finalists) == FINALISTS else None
        first = [one.tuned.backbone for one in finalists if pair is not None]  # one alone says nothing of the other
        best_prior = max(by_uri[uri].prior.score for uri in views)
        return Decision(
            tuple(sorted(rows, key=lambda row: first.index(row.backbone) if row.backbone in first else len(first))),
            agreement,
            left_out | {uri: str(reason) for uri, reason in self.lost.items()},
            better_elsewhere(self.field, best_prior, self.wanted, affordable),
            tuple(finalists),
            pair,
            views,
        )

    def _each(
        self, what: str, given: Mapping[str, tuple[Any, ...]], ready: Callable[[], bool] = lambda: True
    ) -> dict[str, Any]:
        """What came of an errand for each candidate; nothing of those that each worker died of."""
        found = self.hands.run([Errand(what, uri, some) for uri, some in given.items()], ready)
        lost = {uri: one for uri, one in found.items() if isinstance(one, GivenUp)}
        self.lost |= lost
        for uri, reason in lost.items():
            self.listener(Decided(f"{uri} is left out: {reason}"))
        return {uri: one for uri, one in found.items() if uri not in lost}

    def _some(self, found: dict[str, Any]) -> dict[str, Any]:
        """What was found of candidates. Raises `WorkerError` where it is nothing, for all of them were given up."""
        if not found:
            raise next(iter(self.lost.values())).error(
                " and ".join(self.lost), "give the workers more memory, or name other backbones"
            )
        return found

    def _views(self, affordable: float, samples: int, left_out: dict[str, str]) -> dict[str, Seen]:
        """The candidates loaded and measured, in order; the first in any case."""
        limit, asked = Deadline(LOADING * self.deadline.left()), dict[str, tuple[Any, ...]]()
        for candidate in self.field.candidates:
            gflops = self.wanted.gflops(candidate.row)
            if asked and gflops > affordable:
                left_out[candidate.uri] = f"{gflops:.3g} GFLOP a sample, for which the budget is too short here"
            else:
                asked[candidate.uri] = (candidate.uri, samples)
        begun = False

        def ready() -> bool:
            nonlocal begun
            first, begun = not begun, True
            return first or not limit.passed

        views: dict[str, Seen] = self._some(self._each("look", asked, ready))
        missing = [uri for uri in asked if uri not in views and uri not in self.lost]
        left_out |= dict.fromkeys(missing, "no time in the budget to load and measure it")
        for uri, reason in left_out.items():
            self.listener(Decided(f"{uri} is left out: {reason}"))
        return views

    def _measured(self, rows: list[Ranked], views: Mapping[str, Seen]) -> tuple[list[Ranked], dict[str, float]]:
        """With the measures of transferability, as far as there is time; and how far they agree with the probes."""
        limit = Deadline(MEASURES * self.deadline.left())
        if not isinstance(self.data.dataset.target, ClassTarget):
            return with_transferability(rows, {}, {}, "all of them are of classes")
        errands = [Errand("measure", row.backbone, (views[row.backbone], row)) for row in rows]
        found = self.hands.run(errands, lambda: not limit.passed)
        lost = {uri: str(one) for uri, one in found.items() if isinstance(one, GivenUp)}  # they decide nothing
        measured = {uri: one for uri, one in found.items() if uri not in lost}
        return with_transferability(rows, measured, lost, "the budget left no time for it")

    def _finalists(self, views: list[Seen]) -> list[Finalist]:
        """Those of them that there was time for, the better first; without the first the next has nothing to be held
        against.
        """
        found, at_once = list[Finalist](), self.hands.at_once
        for number in range(0, len(views), at_once):
            left = max(self.deadline.left() - RESERVE, 0.0)
            share = left / math.ceil((len(views) - number) / at_once)
            some = views[number : number + at_once]
            tuned = self._each("tune", {view.uri: (view, share, left) for view in some})
            several = [tuned.get(view.uri) for view in some if view.uri not in self.lost]
            for one in several:
                if one is None:
                    return in_order(found)
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


def ranked(candidate: Candidate, view: Seen, halving: Halving) -> Ranked:
    """A candidate with all that was measured of it."""
    card, uri = view.card, candidate.uri
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


def _next(options: dict[str, Any], view: Seen, recipe: str) -> str:
    """The `fit` that does what was recommended: features of the same blocks, the same parts of the data."""
    uri = str(dataclasses.replace(Uri.of(view.uri), taps=view.taps))
    same = {key: options[key] for key in ("accept_licence", *KEPT) if key in options}
    asked = {"backbone": uri, "recipe": recipe} | same
    return command("fit", [options["data"]], asked)
