"""`update`: a bundle is trained further on new data or new classes, and what it forgot is told."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Unpack

from warmstart.api.distillation.teacher import digest, origin
from warmstart.api.fit import FitResult
from warmstart.api.inputs.options import kept
from warmstart.api.inputs.prepare import Loaded, run_data
from warmstart.api.running.budget import cache_limits, seconds
from warmstart.api.running.bundled import recipes_of
from warmstart.api.running.command import called, command
from warmstart.api.running.execute import Begun, execute
from warmstart.api.running.held import within_memory
from warmstart.api.running.runfolder import check_folder
from warmstart.api.updates.renewed import gathered, prepared
from warmstart.api.updates.updating import UpdateRun, chosen_recipe
from warmstart.data.schema import IntArray
from warmstart.data.seriesreading import SeriesOptions
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.ambient import ambient
from warmstart.engine.data import Known, RunData
from warmstart.engine.events import Decided, Listener
from warmstart.errors import BundleError, RecipeError, RunError
from warmstart.methods.continual.head import linear_head
from warmstart.model.activation import ActivationDtype
from warmstart.recipe.recipe import Recipe
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.source import continued

TASKS = ("classify", "multilabel", "regress")
"""Those whose head has a row for each answer."""


@within_memory
def update(
    bundle: str | Path,
    data: Any,
    *,
    rehearsal: Any = None,
    old: Any = None,
    recipe: str | Path | Recipe | None = None,
    l2_sp: float = 0.0,
    rehearsal_share: float = 0.5,
    budget: str | float = "5m",
    seed: int = 0,
    val: float = 0.2,
    test: float = 0.2,
    group: str | None = None,
    time: str | None = None,
    path_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    max_unreadable: float = 0.05,
    cache: str | Path | None = None,
    cache_budget: str | int = "8GB",
    cache_dtype: ActivationDtype = "fp32",
    max_memory: str | int | None = None,
    track: str = "tensorboard",
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> FitResult:
    """Train a bundle further on new data, and say what was gained and what was forgotten.

    Classes are mapped by name: those that the bundle knows keep their rows of the head, new ones get rows of their own.
    The bundle stays as it is; a new run folder holds the new one, whose manifest says what it came from.

    Args:
        bundle: folder that `fit`, `distill` or `update` wrote. Of an ensemble the first network is trained further.
        data: new labelled samples, as `fit` takes them: of the same classes, some of them, or others.
        rehearsal: old labelled samples, which are learned from again beside the new ones. A part is held out, as `fit`
            would hold it out, to measure what was forgotten: with the data, seed and shares of the first run, its own
            test part.
        old: old labelled samples that are measured on and no more.
        recipe: phases to go on with, by name, YAML file or `Recipe`; by default everything is tuned at a low rate, with
            as many epochs as there is time for.
        l2_sp: strength of the pull of all weights, those of the old rows too, towards what they were (Li et al. 2018).
        rehearsal_share: of each batch that is of `rehearsal`.
        budget: time for everything.
        seed: of everything random.
        val: share of new and of rehearsed samples that decides which weights are kept.
        test: share that is measured on at the end.
        group: as for `fit`.
        time: as for `fit`.
        path_column: as for `fit`, of all data.
        text_column: as for `fit`, of all data.
        label_column: as for `fit`, of all data.
        out: run folder; must not exist.
        resume: run folder of an interrupted run; all other options as they were.
        max_unreadable: stop if more than this share of the samples cannot be read.
        cache: as for `fit`.
        cache_budget: as for `fit`.
        cache_dtype: as for `fit`.
        max_memory: as for `fit`.
        track: as for `fit`: what keeps parameters, learning curves and figures.
        listener: hears of progress, measurements and decisions.
        series: how series are read, as for `fit`.

    Returns:
        What `fit` returns; `outcome.forgotten` has what was gained and forgotten.

    Raises:
        DataError, RecipeError, BundleError, RunError: what was found, what was expected, what to do.
        Interrupted: stopped by the user; what is done is saved and `resume` goes on.
    """
    options: dict[str, Any] = {
        "rehearsal": None if rehearsal is None else called(rehearsal),
        "old": None if old is None else called(old),
        "recipe": recipe.name if isinstance(recipe, Recipe) else recipe and str(recipe),
        "l2_sp": l2_sp or None,
        "rehearsal_share": rehearsal_share,
        "budget": str(budget),
        **kept(locals()),
        "size": None,  # the bundle's, as is the task
        "task": None,
        "max_unreadable": max_unreadable,
        "cache_budget": str(cache_budget),
        "cache_dtype": cache_dtype,
    }
    _refuse_shares(l2_sp, rehearsal_share)
    keep_buffers()
    before = _updatable(Bundle.load(bundle))
    chosen = chosen_recipe(recipe, before.spec.kind, l2_sp=l2_sp, share=rehearsal_share)
    same = {**options, "data": called(data), "bundle": digest(before), "recipe": chosen.model_dump(mode="json")}
    check_folder(same, out=out, resume=resume)
    line = command("update", [str(bundle), called(data)], options)
    begun = Begun(listener, seconds(budget), same, line, out, resume, track)
    loaded, given, every = _read(before, (data, rehearsal, old), options, begun, cache)
    own = {"bundle": before, "was": _recipe_of(before), "old": every, "by_time": recipe is None}
    return execute(begun, UpdateRun, chosen, loaded, given, seed=seed, made_from=(origin(before, "before"),), **own)


def _refuse_shares(l2_sp: float, share: float) -> None:
    if l2_sp < 0 or not 0 <= share < 1:
        raise RunError(
            f"l2_sp={l2_sp:g} and rehearsal_share={share:g}", expected="l2_sp of at least 0, a share from 0 to below 1"
        )


def _updatable(bundle: Bundle) -> Bundle:
    """The bundle. Raises `BundleError` where its head has no rows that could be gone on from."""
    task = bundle.manifest.task
    if task not in TASKS:
        raise BundleError(
            f"the bundle answers the task {task!r}",
            expected=f"one of {', '.join(TASKS)}, whose head has a row for each answer",
            do=f"start from its backbone: warmstart fit DATA --backbone bundle:{bundle.folder}",
        )
    linear_head(bundle.networks[0].head)
    return bundle


def _read(
    before: Bundle, sources: tuple[Any, Any, Any], options: dict[str, Any], begun: Begun, cache: str | Path | None
) -> tuple[Loaded, RunData, IntArray]:
    """The samples as the bundle reads them, and all that are of its old data."""
    facts, tell = before.manifest, begun.tell
    tell(Decided(f"going on from the bundle of {facts.data} from {facts.created[:10]}"))
    if len(before.networks) > 1:
        tell(Decided(f"the bundle is an ensemble of {len(before.networks)} networks: the first is trained further"))
    renewed = gathered(before, *sources, options)
    if more := renewed.dataset.target.classes[len(before.classes) :]:
        tell(Decided(f"{len(more)} classes are new: {', '.join(more[:10])}{', ...' if len(more) > 10 else ''}"))
    limits = cache_limits(options["cache_budget"], options["cache_dtype"])
    how = {"listener": tell, "cache": cache, "limits": limits, "seconds": begun.limit}
    backbone = dataclasses.replace(continued(before.networks[0].facts, facts), spec=before.spec)
    loaded, rehearsed, every = prepared(renewed, before, backbone, options, **how)
    known = Known(rehearsed, len(before.classes))
    return loaded, dataclasses.replace(run_data(loaded, cache, limits), known=known), every


def _recipe_of(bundle: Bundle) -> Recipe | None:
    """The recipe that the first network was trained by, where the bundle's text still says one."""
    try:
        return next(iter(recipes_of(bundle)), None)
    except (BundleError, RecipeError):
        return None
