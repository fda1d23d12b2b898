"""`compare`: methods and backbones on the same folds, and what of their differences the data can show."""

from __future__ import annotations

import contextlib
import dataclasses
import time as clock
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from warmstart.api.comparing.compared import Compared
from warmstart.api.comparing.comparison import comparison
from warmstart.api.comparing.contest import Contest, contest, contestants_of
from warmstart.api.comparing.schedule import Schedule
from warmstart.api.inputs.kinds import BACKBONES, default_methods
from warmstart.api.inputs.options import COLUMNS, asked_in, kept, kind_in
from warmstart.api.running.budget import seconds
from warmstart.api.running.command import called
from warmstart.api.running.held import within_memory
from warmstart.api.running.recorded import told_how_to_go_on
from warmstart.api.running.runfolder import check_folder, open_folder
from warmstart.data.contact import contact_sheet
from warmstart.data.schema import Kind
from warmstart.data.seriesreading import SeriesOptions
from warmstart.data.sources import OnMissing, load
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.ambient import ambient
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Decided, Finished, Listener, Started, broadcast, remembering
from warmstart.engine.fanout.cluster import joined
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.trials.budget import fit_budget
from warmstart.engine.trials.contender import Contestant
from warmstart.errors import RunError
from warmstart.evaluation.comparison import Comparison
from warmstart.files import read_json, write_json
from warmstart.model.activation import ActivationDtype
from warmstart.recipe.recipe import Recipe
from warmstart.report.comparison import write_comparison
from warmstart.report.notebook import of_comparison
from warmstart.report.results import write_results
from warmstart.report.runlog import RunLog
from warmstart.report.tracking.base import trackers_named
from warmstart.report.tracking.listening import Tracking

OVERHEAD = 6.0
"""Seconds kept back for statistics and the report."""
BEGUN = "contestants.json"


@dataclasses.dataclass(frozen=True)
class CompareResult:
    """Where everything lies, and the facts."""

    comparison: Comparison
    folder: Path
    report: Path

    def _repr_html_(self) -> str:
        return of_comparison(self.comparison, report=self.report)


@within_memory
def compare(
    data: Any,
    *,
    methods: str | Sequence[str | Path | Recipe] | None = None,
    backbones: str | Sequence[str] | None = None,
    folds: int = 5,
    seeds: int = 1,
    budget: str | float = "20m",
    accept_licence: bool = False,
    size: int | None = None,
    seed: int = 0,
    val: float = 0.2,
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
    workers: int = 1,
    ray: str | None = None,
    max_unreadable: float = 0.05,
    cache: str | Path | None = None,
    cache_budget: str | int = "8GB",
    cache_dtype: ActivationDtype = "fp32",
    max_memory: str | int | None = None,
    track: str = "tensorboard",
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> CompareResult:
    """Train every method on every backbone on the same folds, and say which is better, as far as the data can show.

    Each sample is held out once per seed; whatever a method chooses, it chooses on a validation part of what is not
    held out. A test part that the data gives stays closed. Frozen features are computed once for all.

    Args:
        data: as for `fit`.
        methods: names of recipes, with options (`finetune?epochs=3`), YAML files or `Recipe`s, in a list or with commas
            between them; `pixels` is a linear model on raw pixels, `tfidf` one on the words of texts,
            `minirocket` and `multirocket_hydra` ones on random convolutions of series, and `single:lp_ft` trains each
            of several tasks alone by `lp_ft`. All may take the same part of
            the budget; a method without options written behind it has its epochs cut where it would take more.
        backbones: URIs, likewise.
        folds: of cross-validation.
        seeds: how often that is repeated; each time dealt, drawn and trained anew.
        budget: time for everything.
        accept_licence: as for `fit`.
        size: input side in pixels, or tokens at most; by default each backbone's own.
        seed: the first of the seeds.
        val: share of what is not held out that a method may choose by.
        group: as for `fit`: what must not be divided.
        time: as for `fit`; the folds then chain forward.
        task: what the labels pose, as for `fit`.
        horizon: as for `fit`; the folds then go forward in time.
        context: as for `fit`.
        season: as for `fit`.
        head: as for `fit`: what finds boxes or masks.
        loss: as for `fit`: what masks are learned by.
        tile: as for `fit`: the side of tiles that images are cut into.
        normal: as for `fit`: the label of normal samples.
        path_column: column of a table that holds the path.
        text_column: column of a table that holds the texts, for pairs two with a comma between them.
        label_column: column of a table that holds the label; several (of 0 and 1, or numbers) with commas between them.
        on_missing: "skip" leaves out rows whose file or label is missing, and boxes and masks that cannot be used; else
            they are an error.
        out: run folder; must not exist. Default: the next free `runs/NAME-compare-NNN`.
        resume: folder of a comparison that was interrupted, or was to be longer: trials that are finished there are not
            run again. All other options as they were, but for the budget and the workers.
        workers: processes that share the cores.
        ray: address of a ray cluster to run the trials on: "auto", host:port, ray://host:port, or "local" for one on
            this machine that is there for this call. Data lie at the same path on its machines.
        max_unreadable: stop if more than this share of the samples cannot be read.
        cache: folder for activations and resized pixels.
        cache_budget: what stored activations may take.
        cache_dtype: format of stored activations.
        max_memory: as for `fit`; of several processes that of all together, on a ray cluster that of each.
        track: as for `fit`: what keeps parameters, learning curves and figures.
        listener: hears of progress and decisions.
        series: how series are read: `id_column`, `time_column`, `value_columns`, `rate`, `window`, `stride`, as
            `warmstart.load` has them.

    Raises:
        DataError, RecipeError, BackboneError, RunError: what was found, what was expected, what to do.
        WorkerError: each worker that took a trial died, three times; what is finished is kept, and `resume` goes on.
            Or there is no cluster.
        Interrupted: stopped by the user; finished trials are kept and `resume` goes on.
    """
    given = kept(locals())
    _check_counts(folds, seeds, workers)
    trackers_named(track)  # one that is missing is said before time is spent
    kind = kind_in(data, given)
    asked = _listed(_default(data, kind, given) if methods is None else methods)
    named = [str(uri) for uri in _listed(BACKBONES[kind] if backbones is None else backbones)]
    options: dict[str, Any] = {
        "data": called(data),
        "methods": ",".join(one.name if isinstance(one, Recipe) else str(one) for one in asked),
        "backbones": ",".join(named),
        **{"folds": folds, "seeds": seeds, "budget": str(budget)},
        "accept_licence": accept_licence or None,
        **given,
        "workers": workers,
        "ray": ray,
        "max_unreadable": max_unreadable,
        **{"cache_budget": str(cache_budget), "cache_dtype": cache_dtype, "max_memory": max_memory},
    }
    found = contestants_of(asked, named)
    where = {"out": out, "resume": resume, "cache": cache}
    return _compare(data, found, options, track=track, listener=listener, **where)


def _default(data: Any, kind: Kind, given: dict[str, Any]) -> list[str]:
    if asked_in(given) is not None:
        return default_methods(kind, "forecast")
    columns = {name: given[name] for name in ("task", "normal", *COLUMNS, "on_missing")}
    return default_methods(kind, load(data, kind=kind, **columns).target.kind)


def _check_counts(folds: int, seeds: int, workers: int) -> None:
    if folds < 2 or seeds < 1 or workers < 1:
        found = f"folds={folds}, seeds={seeds}, workers={workers}"
        raise RunError(found, expected="at least 2 folds, 1 seed and 1 worker")


def _listed(given: Any) -> list[Any]:
    return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else list(given)


def _compare(
    data: Any,
    contestants: tuple[Contestant, ...],
    options: dict[str, Any],
    *,
    out: str | Path | None,
    resume: str | Path | None,
    cache: str | Path | None,
    track: str,
    listener: Listener,
) -> CompareResult:
    began, limit = clock.monotonic(), seconds(options["budget"])
    keep_buffers()
    recipes = {one.name: one.recipe and one.recipe.model_dump(mode="json") for one in contestants}
    free = ("budget", "workers", "ray", "max_memory")  # may change when a comparison is gone on with
    same = {**{key: value for key, value in options.items() if key not in free}, "contestants": recipes}
    check_folder(same, out=out, resume=resume, once=False)  # more time may finish more trials
    stem = Path(options["data"]).stem if isinstance(data, str | Path) else "data"
    with contextlib.ExitStack() as stack:
        stack.enter_context(joined(options["ray"]))  # first: where there is no cluster, no folder is left behind
        folder = open_folder(f"{stem}-compare", same, out=out, resume=resume)
        listener(Started(f"run {folder}"))
        decisions: list[str] = []
        deadline = Deadline(limit)
        log = stack.enter_context(RunLog(folder / "log.jsonl"))
        board = stack.enter_context(Tracking(folder, track, broadcast(listener, log)))
        tell = broadcast(listener, remembering(decisions), log, board)
        with told_how_to_go_on(folder), Interrupt() as flag:
            entrants = contest(data, contestants, options, folder=folder, cache=cache, deadline=deadline, listener=tell)
            entrants = _fitted(entrants, folder, deadline, options["workers"], tell)
            shared = clock.monotonic()
            entrants.share(entrants.contestants, entrants.folds.every[0])
            shared = clock.monotonic() - shared
            schedule = Schedule(entrants, folder, deadline, flag, tell, log, OVERHEAD)
            done = schedule.run(data, options, None if cache is None else str(cache))
        compared = Compared(entrants, done, next(iter(entrants.contexts.values())).task.primary_metric, options["seed"])
        facts = comparison(compared, options, decisions, limit, shared, lambda: clock.monotonic() - began)
        sheet = contact_sheet(entrants.first.dataset) if entrants.first.store.spec.kind == "image" else None
        write_comparison(facts, folder / "report.html", contact_sheet=sheet)
        write_results(facts, folder / "results.json")
    listener(Finished(f"run {folder}"))
    return CompareResult(facts, folder, folder / "report.html")


def _fitted(entrants: Contest, folder: Path, deadline: Deadline, workers: int, tell: Listener) -> Contest:
    """With as many epochs as the budget allows; what was begun with is kept, however fast the machine is today."""
    before = read_json(folder / BEGUN)
    if before is not None:
        kept = tuple(
            one if one.recipe is None else dataclasses.replace(one, recipe=Recipe.model_validate(before[one.name]))
            for one in entrants.contestants
        )
        return dataclasses.replace(entrants, contestants=kept)
    trials = len(entrants.folds.every)
    left = workers * (deadline.left() - OVERHEAD)
    fitted = fit_budget(entrants.contestants, trials, left, entrants.pricing())
    pairs = zip(entrants.contestants, fitted.contestants, strict=True)
    cut = [f"{old.name} from {old.epochs} to {new.epochs}" for old, new in pairs if old.epochs != new.epochs]
    if cut:
        tell(Decided(f"epochs are cut so that {trials} trials of each fit the budget: {', '.join(cut)}"))
    tell(Decided(f"all trials are expected to take {fitted.seconds:.0f} s"))
    write_json(
        folder / BEGUN, {one.name: one.recipe and one.recipe.model_dump(mode="json") for one in fitted.contestants}
    )
    return dataclasses.replace(entrants, contestants=fitted.contestants)
