"""`adapt`: from a labelled source to a model for a target without labels, and whether adapting to it helped."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Unpack

from warmstart.api.adaptation.adapted import Adapted, outcome, write
from warmstart.api.adaptation.adapting import contestants, fitted, shift_of, try_all, words_of_shift
from warmstart.api.adaptation.domains import Domains, read_domains
from warmstart.api.inputs.kinds import BACKBONES
from warmstart.api.inputs.options import kept, kind_in
from warmstart.api.inputs.prepare import backbone_at, run_data
from warmstart.api.predict import predict
from warmstart.api.running.begun import as_begun
from warmstart.api.running.budget import cache_limits, seconds
from warmstart.api.running.command import called
from warmstart.api.running.held import within_memory
from warmstart.api.running.pace import set_pace
from warmstart.api.running.recorded import recorded
from warmstart.api.running.runfolder import check_folder, open_folder
from warmstart.data.seriesreading import SeriesOptions
from warmstart.data.sources import OnMissing
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.ambient import ambient
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Decided, Finished, Listener, Started, broadcast, remembering
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import RecipeRung
from warmstart.engine.trials.contender import Contestant
from warmstart.errors import RecipeError
from warmstart.evaluation.adaptation import Adaptation
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.recipe import Recipe
from warmstart.report.notebook import of_adaptation
from warmstart.report.tracking.base import trackers_named
from warmstart.select.adaptation.registry import criteria
from warmstart.task.base import task_of

OVERHEAD = 5.0
"""Seconds kept back for the bundle and the report."""


@dataclasses.dataclass(frozen=True)
class AdaptResult:
    """Where everything lies, and the facts. `predict` answers with the bundle that was written."""

    outcome: Adaptation
    folder: Path
    report: Path
    bundle: Path

    def predict(self, inputs: Any, **options: Any) -> Sequence[dict[str, Any]]:
        """One row per input: `input`, `label`, `probability`, `probabilities`, `error`; see `warmstart.predict`."""
        return predict(self.bundle, inputs, **options)

    def _repr_html_(self) -> str:
        return of_adaptation(self.outcome, report=self.report, bundle=self.bundle)


@within_memory
def adapt(
    source: Any,
    target: Any,
    *,
    methods: str | Sequence[str | Path | Recipe] | None = None,
    select: str = "dev",
    ignore_target_labels: bool = False,
    backbone: str | None = None,
    accept_licence: bool = False,
    budget: str | float = "10m",
    size: int | None = None,
    seed: int = 0,
    val: float = 0.2,
    group: str | None = None,
    path_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    on_missing: OnMissing = "error",
    out: str | Path | None = None,
    resume: str | Path | None = None,
    max_unreadable: float = 0.05,
    cache: str | Path | None = None,
    cache_budget: str | int = "8GB",
    max_memory: str | int | None = None,
    track: str = "tensorboard",
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> AdaptResult:
    """Adapt a classifier to inputs of another kind than those that have labels, and say honestly whether that helped.

    First it says whether source and target differ at all. Then every method is run with the same share of its epochs,
    and one is chosen by a criterion that sees its answers for the target and no label of it. Where the target has
    labels, they are put aside before anything is learned: the same samples without them give the same model bit for
    bit. They measure how right each method is, and which one they would have chosen.

    Args:
        source: labelled data, as for `fit`; one class for each sample.
        target: the same kind of inputs, without labels (a folder, a table, a list or an array, or `(inputs, None)`) or
            with (as for `fit`). All of them are adapted to, whatever parts they come in.
        methods: names of recipes, with commas between or in a sequence: `mcc`, `dann`, `cdan`, `dan`, `coral`, `mdd`,
            `adabn`, `shot`, `selftrain`, or any other, such as `gradual`. By default `source_only`, `probe`, `adabn`
            (where the backbone has batch normalisation) and `mcc`. `source_only` is always among them.
        select: what chooses: "dev", "snd", "mano" or "entropy" (`docs/adaptation.md`).
        ignore_target_labels: the target's folders or column are no labels.
        backbone: as for `fit`.
        accept_licence: as for `fit`.
        budget: time for everything, such as `"10m"`. `source_only` is always finished.
        size: input side in pixels, tokens or steps; by default the backbone's own.
        seed: of everything random.
        val: share of the source that is held out, where it has no part for it.
        group: column (or folder level) of the source that names what must not be divided.
        path_column: column of a table that holds the path; this and the next ones are of both.
        text_column: column of a table that holds the texts, for pairs two with a comma between them.
        label_column: column of a table that holds the label.
        on_missing: "skip" leaves out rows of a table of the source whose file or label is missing; else an error.
        out: run folder; must not exist. Default: the next free `runs/SOURCE-to-TARGET-NNN`.
        resume: run folder of an interrupted run; all other options as they were. Methods that are finished are loaded.
        max_unreadable: stop if more than this share of either cannot be read.
        cache: folder for activations and resized pixels; by default the user's cache folder.
        cache_budget: what stored activations may take, such as `"2GB"`; `"0"` stores none.
        max_memory: as for `fit`.
        track: as for `fit`: what keeps parameters, learning curves and figures.
        listener: hears of progress, measurements and decisions.
        series: how series are read: `id_column`, `time_column`, `value_columns`, `rate`, `window`, `stride`, as
            `warmstart.load` has them.

    Raises:
        DataError, RecipeError, BackboneError, RunError: what was found, what was expected, what to do.
        Interrupted: stopped by the user; what is done is saved and `resume` goes on.
    """
    asked = kept(locals())
    trackers_named(track)
    criteria[select]  # an unknown one is refused before time is spent
    named = [part.strip() for part in methods.split(",") if part.strip()] if isinstance(methods, str) else methods
    if "tent" in (named or ()):
        raise RecipeError(
            "'tent' among the methods, which trains nothing beforehand",
            expected="methods that train; TENT adapts a bundle while it answers",
            do="leave it out, and then: warmstart predict BUNDLE INPUTS --adapt tent",
        )
    recipes = None if named is None else [load_recipe(one) for one in named]
    options: dict[str, Any] = {
        "source": called(source),
        "target": called(target),
        "methods": None if recipes is None else ",".join(recipe.name for recipe in recipes),
        "select": select,
        "ignore_target_labels": ignore_target_labels or None,
        "backbone": backbone or BACKBONES[kind_in(source, asked)],
        "accept_licence": accept_licence or None,
        "budget": str(budget),
        **asked,
        "max_unreadable": max_unreadable,
        "cache_budget": str(cache_budget),
    }
    where = {"out": out, "resume": resume, "cache": cache}
    return _adapt((source, target), named, options, track=track, listener=listener, **where)


def _adapt(
    data: tuple[Any, Any],
    methods: Sequence[str | Path | Recipe] | None,
    options: dict[str, Any],
    *,
    out: str | Path | None,
    resume: str | Path | None,
    cache: str | Path | None,
    track: str,
    listener: Listener,
) -> AdaptResult:
    started, limit = monotonic(), seconds(options["budget"])
    limits = cache_limits(options["cache_budget"], "fp32")
    keep_buffers()
    accepted = bool(options["accept_licence"])
    pretrained = backbone_at(options["backbone"], options["size"], options["seed"], accept_licence=accepted)
    decisions: list[str] = []
    tell = broadcast(listener, remembering(decisions))
    written = [load_recipe(one).model_dump(mode="json") for one in methods or ()]
    same = {**options, "recipes": written, "weights": pretrained.card.weights_sha256}
    check_folder(same, out=out, resume=resume)
    domains = read_domains(
        *data,
        pretrained,
        options=options,
        ignore_target_labels=bool(options["ignore_target_labels"]),
        cache=cache,
        limits=limits,
        listener=tell,
    )
    loaded = domains.loaded
    name = f"{loaded.dataset.name}-to-{domains.facts.name}"
    context = LadderContext(
        backbone=loaded.backbone,
        data=run_data(loaded, cache, limits),
        task=task_of(loaded.dataset.target),
        deadline=Deadline(limit - (monotonic() - started)),
        seed=options["seed"],
        listener=tell,
    )
    field = contestants(methods, context)  # one that does not fit is refused before anything is made or trained
    folder = open_folder(name, same, out=out, resume=resume)
    listener(Started(f"run {folder}"))
    with recorded(folder, track, tell, loaded.dataset.samples) as (heard, flag):
        context = dataclasses.replace(context, interrupt=flag, listener=heard, folder=folder / "methods")
        made = _run(context, domains, folder, field, options["select"])
        found = outcome(made, options, decisions, limit, monotonic() - started)
        write(found, made, folder)
    listener(Finished(f"run {folder}"))
    return AdaptResult(found, folder, folder / "report.html", folder / "bundle")


def _run(
    context: LadderContext, domains: Domains, folder: Path, field: Sequence[Contestant], criterion: str
) -> Adapted:
    """Whether there is a shift, and then every method for which there is time."""
    target, split = domains.target, context.data.split
    set_pace(context, folder, len(split.train) + len(split.val) + len(target))
    shift = shift_of(context, target)
    words = words_of_shift(shift)
    context.listener(Decided(words))
    rungs = as_begun(fitted(field, context, context.deadline.left() - OVERHEAD), folder)
    tried, done = try_all([rung for rung in rungs if isinstance(rung, RecipeRung)], context, target, OVERHEAD)
    return Adapted(context, domains, shift, words, tried, done, criterion)
