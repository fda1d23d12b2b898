"""`warmstart.pretrain`: a backbone trained on data without labels, on many data sets, or on generated series."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from warmstart.api.inputs.corpus import Part, corpus_for, divided
from warmstart.api.inputs.kinds import BACKBONES
from warmstart.api.inputs.options import kept, kind_in
from warmstart.api.inputs.prepare import backbone_at
from warmstart.api.running.budget import seconds
from warmstart.api.running.command import called, command
from warmstart.api.running.held import within_memory
from warmstart.api.running.recorded import recorded
from warmstart.api.running.runfolder import check_folder, open_folder
from warmstart.cache.store import ActivationStore
from warmstart.data.seriesreading import SeriesOptions
from warmstart.data.sources import OnMissing
from warmstart.data.stores import store_of
from warmstart.display import Table, piece
from warmstart.engine.ambient import ambient
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Decided, Finished, Listener, Started
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.pretrained import Pretrained, pretrain_backbone
from warmstart.errors import DataError
from warmstart.evaluation.outcome import CurveRow
from warmstart.files import read_json, write_json
from warmstart.model.backbone import Backbone
from warmstart.recipe.pretraining import LABELLED, Pretraining, objective_for, pretraining
from warmstart.report.tracking.base import trackers_named
from warmstart.shipping.backbone import leave_backbone

PACE = "pace.json"
_RATES = {"image": 1e-4, "text": 5e-5, "series": 1e-3}
_BATCH = {"image": 64, "text": 32, "series": 256}
_TRIAL = 4
"""Batches by which the pace is told: the first one is not counted."""
_USED = 0.95
"""Of the time, what is planned for."""
_MOST = 100
"""Epochs, where the time would suffice for more."""


@dataclasses.dataclass(frozen=True)
class PretrainResult:
    """Where the backbone lies, the URI that it is used by, and how its loss fell."""

    folder: Path
    backbone: str
    objective: str
    inputs: int
    curve: tuple[CurveRow, ...]
    stopped: str

    def _repr_html_(self) -> str:
        rows = [
            (
                row.epoch,
                *(f"{row.values[name]:.4g}" if name in row.values else "" for name in ("train_loss", "val_loss")),
            )
            for row in self.curve[-5:]
        ]
        return piece(
            f"{self.objective} on {self.inputs} inputs",
            facts={"backbone": self.backbone, "stopped": self.stopped},
            tables=[Table(("epoch", "training loss", "validation loss"), rows)],
        )


@within_memory
def pretrain(
    data: Any = None,
    *,
    generate: int = 0,
    backbone: str | None = None,
    objective: str = "auto",
    budget: str | float = "10m",
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    size: int | None = None,
    val: float = 0.05,
    seed: int = 0,
    path_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    on_missing: OnMissing = "error",
    accept_licence: bool = False,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    track: str = "tensorboard",
    max_memory: str | int | None = None,
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> PretrainResult:
    """Train a backbone before there is a task, and write it to a folder that any command takes as a backbone.

    Args:
        data: a folder, a file, or a list of them; what `predict` takes, or for an objective that learns from labels
            what `fit` takes, of which the training parts alone are read.
        generate: so many series are generated, beside the data (see `warmstart.data.synthetic`).
        backbone: where training starts; `series?pretrained=false` starts from random weights.
        objective: "masked" (tell what is hidden), "views" (draw two views of an input together), "classes" (draw the
            samples of a class together), "supervised" (tell the classes, with a head for each data set), or "auto":
            "classes" of generated series, else "masked" of texts and series and "views" of images.
        budget: time for training; without `epochs`, as many as it has room for.
        epochs: passes over the corpus.
        batch_size: inputs in a batch; for "views" and "classes", what each is told from.
        lr: learning rate.
        size: input side in pixels, tokens or steps.
        val: share of the corpus that is held out, to tell which weights are kept.
        seed: of everything random.
        path_column: column of a table that holds the path.
        text_column: column of a table that holds the texts.
        label_column: column of a table that holds the class, for objectives that learn from labels.
        on_missing: "skip" leaves out rows of a table whose file or class is missing; else they are an error. An
            objective that looks at no label takes all rows.
        accept_licence: as for `fit`.
        out: run folder; must not exist.
        resume: run folder of an interrupted run; all other options as they were.
        track: as for `fit`: what keeps parameters, learning curves and figures.
        max_memory: as for `fit`.
        listener: hears of progress, measurements and decisions.
        series: how series are read: `id_column`, `time_column`, `value_columns`, `rate`, `window`, `stride`, as
            `warmstart.load` has them.

    Raises:
        DataError, RecipeError, BackboneError, RunError: what was found, what was expected, what to do.
        Interrupted: stopped by the user; what is done is saved and `resume` goes on.
    """
    given = kept(locals())
    trackers_named(track)  # one that is missing is said before time is spent
    sources = list(data) if isinstance(data, list | tuple) else [] if data is None else [data]
    if not sources and not generate:
        raise DataError("nothing to pretrain on", expected="folders or files", do="name some, or --generate 20000")
    first = "series" if generate else kind_in(sources[0], given)
    begun = backbone or BACKBONES[first]
    start = backbone_at(begun, size, seed, accept_licence=accept_licence)
    kind = start.spec.kind
    labelled = generate > 0 and not sources
    options: dict[str, Any] = {
        "generate": generate or None,
        "backbone": begun,
        "objective": objective_for(objective, kind, labelled=labelled),
        "budget": str(budget),
        "epochs": epochs,
        "batch_size": batch_size or _BATCH[kind],
        "lr": lr or _RATES[kind],
        **given,
        "accept_licence": accept_licence or None,
    }
    named = [called(one) for one in sources]
    same = {**options, "data": named, "weights": start.card.weights_sha256}
    check_folder(same, out=out, resume=resume)
    corpus, parts = _corpus(sources, start, options, listener)
    folder = open_folder("pretrain", same, out=out, resume=resume)
    listener(Started(f"run {folder}"))
    with recorded(folder, track, listener, corpus.dataset.samples) as (heard, flag):
        found, recipe = _trained(folder, start, corpus, options, heard, flag)
    uri = _written(folder, found, start, recipe, parts, seed=seed, line=command("pretrain", named, options))
    listener(Finished(f"run {folder}"))
    return PretrainResult(folder, uri, options["objective"], len(corpus.dataset), found.curve, found.stopped)


def _written(
    folder: Path,
    found: Pretrained,
    start: Backbone,
    recipe: Pretraining,
    parts: Sequence[Part],
    *,
    seed: int,
    line: str,
) -> str:
    """The URI of the backbone, which is written with its card; beside it lies all that led to it."""
    said, how = [part.text for part in parts], f"{recipe.name}, seed {seed}"
    made, uri = leave_backbone(folder / "backbone", found.backbone, start, parts=said, how=how)
    facts = {
        "command": line,
        "backbone": uri,
        "objective": recipe.name.removeprefix("pretrain "),
        "recipe": recipe.model_dump(mode="json"),
        "seed": seed,
        "start": start.card.to_dict(),
        "corpus": [dataclasses.asdict(part) for part in parts],
        "weights": {"content_sha256": made.card.weights_sha256},
        "curve": [dataclasses.asdict(row) for row in found.curve],
        "seconds": found.seconds,
        "stopped": found.stopped,
    }
    write_json(folder / "pretrain.json", facts)
    return uri


def _corpus(
    sources: Sequence[Any], start: Backbone, options: Mapping[str, Any], listener: Listener
) -> tuple[RunData, tuple[Part, ...]]:
    """The corpus as a run works on it, and what it is made of."""
    objective = options["objective"]
    dataset, spec, parts = corpus_for(sources, start, options, listener, what="corpus", labelled=objective in LABELLED)
    split = divided(dataset, options["val"], options["seed"], by_class=objective == "classes")
    for note in (*(part.text for part in parts), split.how):
        listener(Decided(note))
    return RunData(dataset, split, store_of(dataset, spec), spec, ActivationStore(None, budget_bytes=0)), parts


def _trained(
    folder: Path, start: Backbone, data: RunData, options: Mapping[str, Any], listener: Listener, flag: Interrupt
) -> tuple[Pretrained, Pretraining]:
    """The backbone after as many epochs as were asked for, or as the time has room for."""
    how = {"lr": options["lr"], "batch_size": options["batch_size"]}
    make = functools.partial(pretraining, options["objective"], start.spec.kind, **how)
    epochs, limit = options["epochs"], seconds(options["budget"])
    recipe = make(epochs=epochs or _epochs(folder, start, data, make(epochs=1), limit, options["seed"], listener))
    found = pretrain_backbone(
        recipe,
        start,
        data,
        seed=options["seed"],
        listener=listener,
        folder=folder / "steps",
        deadline=Deadline(None if epochs else limit),
        interrupt=flag,
    )
    return found, recipe


def _epochs(
    folder: Path, start: Backbone, data: RunData, once: Pretraining, limit: float, seed: int, listener: Listener
) -> int:
    """How many passes the time has room for, by a few batches; what a run began with stays, also where it goes on."""
    before = read_json(folder / PACE)
    if before is not None:
        return int(before["epochs"])
    split, spent, batch = data.split, [], once.steps[0].batch_size  # type: ignore[union-attr]
    for batches in (1, _TRIAL):
        few = dataclasses.replace(split, train=split.train[: batches * batch], val=split.test)
        spent.append(pretrain_backbone(once, start, dataclasses.replace(data, split=few), seed=seed).seconds)
    each = max(spent[1] - spent[0], 1e-3) / (_TRIAL - 1)
    whole = each * (len(split.train) + len(split.val) / 3) / batch  # forward alone takes about a third
    epochs = min(max(1, int(_USED * limit / whole)), _MOST)
    write_json(folder / PACE, {"epochs": epochs, "seconds_per_batch": each})
    listener(Decided(f"an epoch takes about {whole:.0f} s: {epochs} epochs", {"seconds": whole, "epochs": epochs}))
    return epochs
