"""`fit`: from a folder of photos to a model that can be shipped, and the truth about how good it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Literal, Unpack, get_args

from warmstart.api.inputs.kinds import BACKBONES
from warmstart.api.inputs.options import how_read, kept, kind_in
from warmstart.api.inputs.prepare import backbone_at, read, run_data
from warmstart.api.inputs.scenes import of_scenes
from warmstart.api.inputs.unlabelled import with_unlabelled
from warmstart.api.predict import predict
from warmstart.api.running.budget import cache_limits, seconds
from warmstart.api.running.command import called, command
from warmstart.api.running.held import within_memory
from warmstart.api.running.recorded import recorded
from warmstart.api.running.run import Run, write
from warmstart.api.running.runfolder import check_folder, open_folder
from warmstart.data.seriesreading import SeriesOptions
from warmstart.data.sources import OnMissing
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.ambient import ambient
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Decided, Finished, Listener, Started, broadcast, remembering
from warmstart.engine.ladder.alone import SINGLE
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.launching import about_processes, in_processes
from warmstart.engine.ledger import Ledger
from warmstart.engine.run import refuse_training
from warmstart.errors import RunError
from warmstart.evaluation.outcome import Outcome
from warmstart.model.activation import ActivationDtype
from warmstart.model.backbone import Backbone
from warmstart.model.taps import default_taps, tapped
from warmstart.model.uri import Uri
from warmstart.planning.compile import compile_plan
from warmstart.planning.edited import outlined
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.recipe import Recipe
from warmstart.report.notebook import of_fit
from warmstart.report.tracking.base import trackers_named
from warmstart.task.base import Task, task_of
from warmstart.task.network import network_for

Baseline = Literal["simple", "scratch", "single", "none"]


@dataclasses.dataclass(frozen=True)
class FitResult:
    """Where everything lies, and the facts. `predict` answers with the bundle that was written."""

    outcome: Outcome
    folder: Path
    report: Path
    bundle: Path

    def predict(self, inputs: Any, **options: Any) -> Sequence[dict[str, Any]]:
        """One row per input: `input`, `label`, `probability`, `probabilities`, `error`; see `warmstart.predict`."""
        return predict(self.bundle, inputs, **options)

    def _repr_html_(self) -> str:
        return of_fit(self.outcome, report=self.report, bundle=self.bundle)


@within_memory
def fit(
    data: Any,
    *,
    backbone: str | None = None,
    accept_licence: bool = False,
    recipe: str | Path | Recipe | None = None,
    budget: str | float = "5m",
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
    baseline: Baseline = "simple",
    max_unreadable: float = 0.05,
    unlabelled: Any = None,
    cache: str | Path | None = None,
    cache_budget: str | int = "8GB",
    cache_dtype: ActivationDtype = "fp32",
    max_memory: str | int | None = None,
    anonymous: bool = False,
    track: str = "tensorboard",
    processes: int | None = None,
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> FitResult:
    """Adapt a pretrained backbone to labelled images or texts, and say honestly whether that helped.

    With no recipe, a ladder of methods is climbed: each is tried while time is left and kept only if validation says
    so. What is chosen is fitted again on training and validation samples together, and the test set is opened once.

    Args:
        data: a folder with one folder per class (with or without train/val/test above them); a CSV, Parquet or JSON
            lines file; a DataFrame; `(images, labels)` or `(texts, labels)`; or a `Dataset`.
        backbone: URI of the backbone: `timm:resnet50.a1_in1k`, `hf:ORG/NAME`, `toy`, or `bundle:FOLDER`, what another
            run has trained; by default `lite0` for images, `minilm` for texts and `series` for series. Where the ladder
            is climbed, features of several late blocks are taken together, unless `?taps=N` says how many (0: its own).
            `?channels=N`, or `?bands=B02,B03,...` by name, is for inputs other than RGB.
        accept_licence: your use keeps to the licence of the weights, also where that restricts it (non-commercial,
            research only, terms of its own). Recorded in the run and in the bundle's card.
        recipe: name (`"finetune?epochs=3"` with options), YAML file or `Recipe`: that alone is run, beside the probe to
            compare it with.
        budget: time for everything, such as `"5m"`. The probe is always finished.
        size: input side in pixels, or tokens at most; by default the backbone's own. A network that takes one size
            alone has its position embeddings resampled.
        seed: of everything random.
        val: share of the labelled samples that decides what is kept, where the data has no part for it.
        test: share that is measured on at the end, where the data has no part for it; 0 for none.
        group: column (or folder level) that names what must not be divided: patient, site, device.
        time: column of a table that says when each was taken, or "exif" for photos that say it: the latest are then the
            test, those before them validation, instead of parts stratified by class.
        task: what the labels pose, "classify", "multilabel", "regress", "tag", "generate", "anomaly" or "forecast", or
            what each of several columns does, "species=classify,weight=regress"; by default what they look like (see
            `warmstart.data.sources.load`).
        horizon: steps to be forecast: `data` are then series, and nothing else is their label (`docs/forecasting.md`).
        context: steps that a forecast sees; by default three horizons or two seasons, 32 at least, where there is room.
        season: steps after which a pattern repeats; by default by the distance of the stamps, or found.
        head: of boxes or masks, what finds them: a detector (`fcos`, `fasterrcnn`, ...) or a decoder (`unet`,
            `deeplabv3plus`, ...), with options behind it (`unet?channels=128,64,32,16,8`).
        loss: of masks, what is minimised: `cross_entropy`, `dice`, `focal`, `lovasz`, or several with `+` between.
        tile: of boxes and masks, cut larger images into tiles of so many pixels a side, each a sample of its own.
        normal: for anomalies the label of normal samples, from which alone is learned; with it, anomalies are the task.
        path_column: column of a table that holds the path.
        text_column: column of a table that holds the texts, for pairs two with a comma between them.
        label_column: column of a table that holds the label; several with commas between them: of 0 and 1, of numbers,
            or a task each, of which any may be missing in a row (`docs/several-tasks.md`).
        on_missing: "skip" leaves out rows whose file or label is missing, and boxes and masks that cannot be used; else
            they are an error.
        out: run folder; must not exist. Default: the next free `runs/NAME-NNN`.
        resume: run folder of an interrupted run; all other options as they were.
        baseline: what transfer is compared with. `simple` is a linear model on raw pixels, of texts on TF-IDF, of
            series on MiniRocket's convolutions and, where there is time, on those of MultiRocket-Hydra; of forecasts
            the last value, the last season, the Theta method, and a linear model of the context. Where it is a network
            (MiniRocket, or `scratch`) and no transfer beats it on validation, it is what is shipped. `single`: of
            several tasks each is trained alone too, and the report says which gained by sharing and which lost.
        max_unreadable: stop if more than this share of the samples cannot be read.
        unlabelled: texts without labels, as `predict` takes them: a recipe that goes on pretraining
            (`further_pretrain`) learns from them too.
        cache: folder for activations and resized pixels; by default the user's cache folder.
        cache_budget: what stored activations may take, such as `"2GB"`; the first 2 GiB may be held in memory, more is
            mapped from disk. `"0"` stores none.
        cache_dtype: format of stored activations. "fp32" is exact; "bf16" and "int8" are smaller, with an error that is
            measured and told.
        max_memory: what the process may take of the memory, such as `"2GB"`; by default what the machine, or the
            container, has. Data that are larger are streamed from the disk (`docs/planning-at-scale.md`).
        anonymous: leave out of the bundle what training samples are called; `explain` then names none that are alike.
        track: what keeps parameters, learning curves and figures: `"tensorboard"`, `"mlflow"`, `"wandb"`, `"trackio"`,
            with commas between them (`docs/tracking.md`); `"none"` for none.
        processes: how many share the work (`docs/several-processes.md`), on GPUs one for each; by default as a launcher
            says, else one. What comes of the run does not depend on it, and it may be gone on with by another number.
        listener: hears of progress, measurements and decisions.
        series: how series are read: `id_column`, `time_column`, `value_columns`, `rate`, `window`, `stride`, as
            `warmstart.load` has them.

    Raises:
        DataError, RecipeError, BackboneError, RunError: what was found, what was expected, what to do.
        Interrupted: stopped by the user; what is done is saved and `resume` goes on.
    """
    asked = kept(locals())
    options: dict[str, Any] = {
        "data": called(data),
        "backbone": backbone or BACKBONES[kind_in(data, asked)],
        "accept_licence": accept_licence or None,  # as in runs that began before there was the option
        "recipe": recipe.name if isinstance(recipe, Recipe) else recipe and str(recipe),
        "budget": str(budget),
        **asked,
        "baseline": baseline,
        "max_unreadable": max_unreadable,
        "unlabelled": None if unlabelled is None else called(unlabelled),
        **{"cache_budget": str(cache_budget), "cache_dtype": cache_dtype},
        "anonymous": anonymous or None,
    }
    if baseline not in get_args(Baseline):
        raise RunError(f"there is no baseline {baseline!r}", expected=f"one of {', '.join(get_args(Baseline))}")
    trackers_named(track)  # one that is missing is said before time is spent
    given = (data, None if recipe is None else load_recipe(recipe), options)
    where: dict[str, Any] = {"out": out, "resume": resume, "cache": cache, "track": track, "listener": listener}
    return in_processes(processes, lambda: _fit(*given, unlabelled=unlabelled, **where))


def _fit(
    data: Any,
    recipe: Recipe | None,
    options: dict[str, Any],
    *,
    unlabelled: Any,
    out: str | Path | None,
    resume: str | Path | None,
    cache: str | Path | None,
    track: str,
    listener: Listener,
) -> FitResult:
    started, limit = monotonic(), seconds(options["budget"])
    limits = cache_limits(options["cache_budget"], options["cache_dtype"])
    keep_buffers()
    accepted = bool(options["accept_licence"])
    pretrained = backbone_at(options["backbone"], options["size"], options["seed"], accept_licence=accepted)
    if recipe is None and Uri.of(options["backbone"]).taps is None and not of_scenes(data, options["task"]):
        pretrained = tapped(pretrained, default_taps(pretrained))
    decisions, ledger = list[str](), Ledger()
    tell = broadcast(listener, remembering(decisions), ledger)
    if several := about_processes():
        tell(Decided(several))
    if not options["backbone"].startswith(Uri.of(pretrained.card.name).path):
        tell(Decided(f"backbone {options['backbone']} is {pretrained.card.name}"))
    if pretrained.groups:
        tell(Decided(f"features: {', '.join(f'{g.stop - g.start} of {g.name}' for g in pretrained.groups)}"))
    same = {**options, "recipe": recipe and recipe.model_dump(mode="json"), "weights": pretrained.card.weights_sha256}
    check_folder(same, out=out, resume=resume)
    asked = how_read(options) | {key: options[key] for key in ("seed", "val", "test")}
    loaded = read(data, pretrained, listener=tell, cache=cache, limits=limits, seconds=limit, **asked)
    if unlabelled is not None:
        loaded = with_unlabelled(loaded, unlabelled, text_column=options["text_column"], listener=tell)
    given, task = run_data(loaded, cache, limits), task_of(loaded.dataset.target)
    pretrained = loaded.backbone
    _refuse_baseline(options["baseline"], task)
    if recipe is not None:
        _refuse_unfit(recipe, pretrained, given, options["seed"])
    folder = open_folder(loaded.dataset.name, same, out=out, resume=resume)
    listener(Started(f"run {folder}"))
    with recorded(folder, track, tell, loaded.dataset.samples) as (heard, flag):
        context = LadderContext(
            backbone=pretrained,
            data=given,
            task=task,
            deadline=Deadline(limit - (monotonic() - started)),
            interrupt=flag,
            seed=options["seed"],
            listener=heard,
            folder=folder / "rungs",
        )
        line = command("fit", [options["data"]], options)
        run = Run(folder, context, loaded, recipe, options["baseline"], decisions, limit, started, line, ledger)
        run.windowed = options["window"] is not None
        run.tile = options["tile"]
        run.names = not options["anonymous"]
        outcome = run.climb()
        write(outcome, run)
    listener(Finished(f"run {folder}"))
    return FitResult(outcome, folder, folder / "report.html", folder / "bundle")


def _refuse_unfit(recipe: Recipe, backbone: Backbone, data: RunData, seed: int) -> None:
    """Refuse a recipe that does not fit the task or the backbone before anything is made or trained."""
    target = data.dataset.target
    refuse_training(recipe, task_of(target))
    network = network_for(backbone, target, seed=seed)
    compile_plan(recipe, outlined(network, recipe.edits), data.facts, limits=data.limits)


def _refuse_baseline(baseline: Baseline, task: Task) -> None:
    """Raise `RecipeError` or `RunError` for a baseline that such a task has not."""
    if baseline == "scratch":
        refuse_training(load_recipe("scratch"), task)
    if baseline == SINGLE and task.name != "several":
        raise RunError(
            f"the baseline single for the task {task.name}",
            expected="several tasks, of which each is trained alone to compare with",
            do="name more columns with --label-column, or leave the baseline out",
        )
