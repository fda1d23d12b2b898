"""The end of a `compare`: all that is known, as data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warmstart.api.comparing.compared import Compared
from warmstart.api.running.command import command
from warmstart.api.running.environment import environment
from warmstart.data.schema import Split
from warmstart.evaluation.calibration import reliability
from warmstart.evaluation.comparison import Comparison
from warmstart.evaluation.details import details
from warmstart.evaluation.judgement import judgement
from warmstart.evaluation.units import independent
from warmstart.report.images import illustrated
from warmstart.report.results import jsonable
from warmstart.report.words import noun_of


def comparison(
    compared: Compared,
    options: dict[str, Any],
    decisions: list[str],
    limit: float,
    shared: float,
    elapsed: Callable[[], float],
    *,
    name: str = "compare",
) -> Comparison:
    """Everything that is known of a contest. `shared` are the seconds that common features took; `name` is that of the
    command.
    """
    entrants, dataset = compared.contest, compared.contest.first.dataset
    entries, classes = compared.entries(), dataset.target.classes
    best = compared.best(entries)
    answers = None if best is None else compared.answers[best]
    folds = sorted({fold for _, fold in compared.folds})
    seeds = sorted({seed for seed, _ in compared.folds})
    samples = 0 if answers is None else int((~np.isnan(answers.right)).sum())
    every, rests = entrants.contexts.values(), None
    task, found = next(iter(every)).task, dict[str, Any]()
    if answers is not None:
        backbone = next(one.backbone for one in entrants.contestants if one.name == best)
        held = np.flatnonzero(~np.isnan(answers.right))
        noun = noun_of(*(context.data.spec.to_dict() for context in every), task=task.name)
        rests = independent([dataset.samples[int(i)] for i in held], noun, entrants.folds.units[held])
        store = entrants.contexts[backbone].data.store
        samples_of = [dataset.samples[int(i)] for i in answers.indices]
        found = illustrated(details(task, answers.calibrated, answers.targets, samples_of, dataset.target), store)
        if task.calibrates:
            found["reliability_before"] = reliability(answers.raw, answers.targets)
    return Comparison(
        data=dataset.name,
        classes=classes,
        samples=samples,
        left_out=entrants.folds.closed,
        folds=len(folds),
        seeds=tuple(seeds),
        how=entrants.folds.how,
        task=task.name,
        metric=compared.metric,
        entries=entries,
        best=best or "",
        picked=compared.picked(),
        verdict=judgement(entries, best, compared.metric, samples, rests),
        independent=rests,
        audit=jsonable(entrants.first.audit(_given(compared)).to_dict()),
        backbones=tuple(context.backbone.card.to_dict() for context in every),
        preprocess=tuple(jsonable(context.data.spec.to_dict()) for context in every),
        decisions=tuple(decisions),
        seconds=elapsed(),
        shared_seconds=shared,
        budget=limit,
        environment=environment(),
        command=command(name, [options["data"]], options),
        **compared.sharing(best),
        **found,
    )


def _given(compared: Compared) -> Split:
    """What takes part against the test part that stays closed: copies between the two are worth knowing of."""
    samples = compared.contest.first.dataset.samples
    closed = np.array([sample.split == "test" for sample in samples])
    none = np.array([], dtype=np.int64)
    return Split(np.flatnonzero(~closed), none, np.flatnonzero(closed), compared.contest.folds.how)
