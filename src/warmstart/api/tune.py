"""`tune`: the numbers of a recipe, searched on validation, and whether that was worth it on what nobody had seen."""

from __future__ import annotations

import dataclasses
import time as clock
from pathlib import Path
from typing import Any, Unpack

from warmstart.api.comparing.compared import Compared
from warmstart.api.comparing.comparison import comparison
from warmstart.api.comparing.contest import Contest, contest, contestants_of
from warmstart.api.comparing.schedule import Key
from warmstart.api.inputs.kinds import BACKBONES
from warmstart.api.inputs.options import kept, kind_in
from warmstart.api.running.budget import seconds
from warmstart.api.running.command import called
from warmstart.api.running.held import within_memory
from warmstart.api.running.recorded import told_how_to_go_on
from warmstart.api.running.runfolder import check_folder, open_folder
from warmstart.api.tuning.found import in_words
from warmstart.api.tuning.searching import Search, require
from warmstart.data.contact import contact_sheet
from warmstart.data.seriesreading import SeriesOptions
from warmstart.data.sources import OnMissing
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.ambient import ambient
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Finished, Listener, Started, broadcast, remembering
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.trials.folds import dealt_again
from warmstart.engine.trials.trial import Trial
from warmstart.errors import RunError
from warmstart.evaluation.comparison import Comparison
from warmstart.files import write_text
from warmstart.model.activation import ActivationDtype
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.search import Space, space_of
from warmstart.recipe.text import to_yaml
from warmstart.report.comparison import write_comparison
from warmstart.report.results import write_results
from warmstart.report.runlog import RunLog

OVERHEAD = 6.0
"""Seconds kept back for statistics and the report."""


@dataclasses.dataclass(frozen=True)
class TuneResult:
    """Where everything lies, and the facts: `comparison` is of the best that was found and the default."""

    comparison: Comparison
    recipe: Recipe
    """The best on validation; the default where nothing was better."""
    folder: Path
    report: Path


@within_memory
def tune(
    data: Any,
    *,
    recipe: str,
    trials: int = 20,
    seeds: int = 3,
    backbone: str | None = None,
    budget: str | float = "20m",
    accept_licence: bool = False,
    size: int | None = None,
    seed: int = 0,
    val: float = 0.2,
    test: float = 0.2,
    group: str | None = None,
    time: str | None = None,
    task: str | None = None,
    horizon: int | None = None,
    context: int | None = None,
    season: int | None = None,
    head: str | None = None,
    loss: str | None = None,
    tile: int | None = None,
    normal: str | None = None,
    path_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    on_missing: OnMissing = "error",
    out: str | Path | None = None,
    resume: str | Path | None = None,
    max_unreadable: float = 0.05,
    cache: str | Path | None = None,
    cache_budget: str | int = "8GB",
    cache_dtype: ActivationDtype = "fp32",
    max_memory: str | int | None = None,
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> TuneResult:
    """Search the numbers of a recipe, and say whether the best that was found is better than its defaults.

    The search (optuna's tree-structured Parzen estimators, Bergstra et al. 2011) goes by validation alone. What it
    finds is flattered by the choosing, so the best and the default are then trained on several draws and compared on
    samples that took no part; "the default was as good" is an answer. Frozen features are computed once for all.

    Args:
        data: as for `fit`. A test part that the data gives stays closed.
        recipe: a named recipe with ranges or choices for the options to be searched, and values for others:
            `finetune?lr=1e-5..1e-2&epochs=3..10&from_block=-1|-2|-4`. Ranges that span a factor of a hundred are
            searched by their logarithm.
        trials: recipes that are tried beside the default, as far as the budget goes.
        seeds: draws of training and validation part on which the best and the default are compared.
        backbone: as for `fit`.
        budget: time for everything.
        accept_licence: as for `fit`.
        size: input side in pixels, or tokens at most.
        seed: of everything random.
        val: share of what is not held out that is for choosing.
        test: share that is held out from the search.
        group: as for `fit`: what must not be divided.
        time: as for `fit`; the latest are then held out.
        task: what the labels pose, as for `fit`.
        horizon: as for `fit`.
        context: as for `fit`.
        season: as for `fit`.
        head: as for `fit`: what finds boxes or masks.
        loss: as for `fit`: what masks are learned by.
        tile: as for `fit`.
        normal: as for `fit`: the label of normal samples.
        path_column: column of a table that holds the path.
        text_column: column of a table that holds the texts, for pairs two with a comma between them.
        label_column: column of a table that holds the label; several with commas between them.
        on_missing: as for `fit`.
        out: run folder; must not exist. Default: the next free `runs/NAME-tune-NNN`.
        resume: folder of a search that was interrupted, or was to be longer; all other options as they were, but for
            the budget and the number of trials.
        max_unreadable: stop if more than this share of the samples cannot be read.
        cache: folder for activations and resized pixels.
        cache_budget: what stored activations may take.
        cache_dtype: format of stored activations.
        max_memory: as for `fit`.
        listener: hears of progress and decisions.
        series: how series are read, as for `fit`.

    Raises:
        MissingExtraError: optuna is not installed.
        DataError, RecipeError, BackboneError, RunError: what was found, what was expected, what to do.
        Interrupted: stopped by the user; finished trials are kept and `resume` goes on.
    """
    given = kept(locals())
    space = space_of(recipe)
    require()
    if trials < 1 or seeds < 2 or not 0 < test <= 0.5:
        found = f"trials={trials}, seeds={seeds}, test={test:g}"
        raise RunError(found, expected="at least 1 trial and 2 seeds, and a test share above 0 and up to 0.5")
    uri = backbone or BACKBONES[kind_in(data, given)]
    options: dict[str, Any] = {
        "data": called(data),
        "recipe": recipe,
        **{"trials": trials, "seeds": seeds, "backbone": uri, "budget": str(budget)},
        "accept_licence": accept_licence or None,
        **given,
        "max_unreadable": max_unreadable,
        "cache_budget": str(cache_budget),
        "cache_dtype": cache_dtype,
    }
    return _tune(data, space, options, out=out, resume=resume, cache=cache, listener=listener)


def _tune(
    data: Any,
    space: Space,
    options: dict[str, Any],
    *,
    out: str | Path | None,
    resume: str | Path | None,
    cache: str | Path | None,
    listener: Listener,
) -> TuneResult:
    began, limit = clock.monotonic(), seconds(options["budget"])
    keep_buffers()
    same = {key: value for key, value in options.items() if key not in ("budget", "trials")}
    check_folder(same, out=out, resume=resume, once=False)
    stem = Path(options["data"]).stem if isinstance(data, str | Path) else "data"
    folder = open_folder(f"{stem}-tune", same, out=out, resume=resume)
    listener(Started(f"run {folder}"))
    decisions: list[str] = []
    with told_how_to_go_on(folder), RunLog(folder / "log.jsonl") as log, Interrupt() as flag:
        tell = broadcast(listener, remembering(decisions), log)
        deadline = Deadline(limit)
        entrants = _held_out(data, space, options, folder, cache, deadline, tell)
        again = options["seeds"] - 1
        search = Search(space, entrants, folder, deadline, flag, tell, log, options["seed"], again, OVERHEAD)
        search.run(options["trials"])
        done = _finals(search, folder)
    names = dict.fromkeys([search.best, space.default.name])
    final = dataclasses.replace(entrants, contestants=tuple(search.contestant(search.recipes[name]) for name in names))
    metric = next(iter(entrants.contexts.values())).task.primary_metric
    compared = Compared(final, done, metric, options["seed"])
    facts = comparison(compared, options, decisions, limit, 0.0, lambda: clock.monotonic() - began, name="tune")
    verdict = f"{in_words(search.rows(), metric, len(entrants.folds.every[0].split.val))} {facts.verdict}"
    facts = dataclasses.replace(facts, searched=search.rows(), verdict=verdict, picked=None)
    best = search.recipes[search.best]
    write_text(folder / "recipe.yaml", to_yaml(best))
    sheet = contact_sheet(entrants.first.dataset) if entrants.first.store.spec.kind == "image" else None
    write_comparison(facts, folder / "report.html", contact_sheet=sheet)
    write_results(facts, folder / "results.json")
    listener(Finished(f"run {folder}"))
    return TuneResult(facts, best, folder, folder / "report.html")


def _held_out(
    data: Any,
    space: Space,
    options: dict[str, Any],
    folder: Path,
    cache: str | Path | None,
    deadline: Deadline,
    listener: Listener,
) -> Contest:
    """The data with one part held out, the rest dealt into training and validation as often as there are seeds."""
    asked = {**options, "folds": max(2, round(1 / options["test"])), "seeds": 1}
    default = contestants_of([space.default], [options["backbone"]])
    found = contest(data, default, asked, folder=folder, cache=cache, deadline=deadline, listener=listener)
    draws = range(options["seed"], options["seed"] + options["seeds"])
    folds = dealt_again(found.first.dataset, found.folds, tuple(draws), val=options["val"])
    return dataclasses.replace(found, folds=folds)


def _finals(search: Search, folder: Path) -> dict[Key, Trial]:
    """The best and the default on every draw; on the first they are trained already."""
    done: dict[Key, Trial] = {}
    for rank, name in enumerate(dict.fromkeys([search.space.default.name, search.best])):
        one = search.contestant(search.recipes[name])
        for fold in search.contest.folds.every:
            place = folder / "finals" / f"{rank}-{fold.seed}"
            first = fold is search.contest.folds.every[0]
            done[name, fold.seed, fold.number] = search.done[name] if first else search.tried_on(one, fold, place)
    return done
