"""`warmstart.meta_train`: a backbone trained on episodes, so that a few samples of classes it never saw suffice."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from warmstart.api.inputs.corpus import Part, corpus_for
from warmstart.api.inputs.kinds import BACKBONES
from warmstart.api.inputs.options import kept, kind_in
from warmstart.api.inputs.prepare import activation_store, backbone_at
from warmstart.api.running.budget import seconds
from warmstart.api.running.command import called, command
from warmstart.api.running.recorded import recorded
from warmstart.api.running.runfolder import check_folder, open_folder
from warmstart.data.episodes import Episode, divided_classes, set_numbers
from warmstart.data.schema import Dataset, Series
from warmstart.data.seriesreading import SeriesOptions
from warmstart.data.sources import OnMissing
from warmstart.data.stores import store_of
from warmstart.display import Table, piece
from warmstart.engine.ambient import ambient
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided, Finished, Listener, Started
from warmstart.errors import DataError
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.outcome import CurveRow
from warmstart.files import write_json
from warmstart.methods.meta.exam import Row
from warmstart.methods.meta.trained import MetaTrained, meta_train_backbone
from warmstart.model.backbone import Backbone
from warmstart.planning.compile import DEFAULT
from warmstart.recipe.episodic import Meta
from warmstart.recipe.pretraining import Pretraining, meta_learning
from warmstart.report.notebook import measured
from warmstart.shipping.backbone import leave_backbone

FACTS = "meta_train.json"
_RATES = {"image": 1e-4, "text": 2e-5, "series": 1e-4}
_ANEW = 1e-3
"""Learning rate of weights that were never trained, under prototypes. A head that takes steps in an episode stands on
features of the scale that they had when training began: ANIL on random weights diverged at this rate, and not at 1e-4.
"""
_MOST, _PATIENCE = 500, 15
"""Epochs where time alone says when it is over, and how many without a better answer end it before."""


@dataclasses.dataclass(frozen=True)
class MetaTrainResult:
    """Where the backbone lies, the URI that it is used by, and what it is worth on new classes.

    `rows` are accuracies over the same `evaluated` episodes with 95 % intervals; `verdict` and `gain` compare the
    method with the best head on the backbone as it was. `classes` are those to train on, to choose by, and new.
    """

    folder: Path
    backbone: str
    method: str
    classes: tuple[int, int, int]
    evaluated: int
    rows: tuple[Row, ...]
    verdict: str
    gain: Interval
    curve: tuple[CurveRow, ...]
    stopped: str

    def _repr_html_(self) -> str:
        rows = [(f"{one.head} on {one.backbone}", measured("accuracy", one.accuracy)) for one in self.rows]
        return piece(
            f"{self.method}: {self.evaluated} episodes of {self.classes[2]} new classes",
            lead=self.verdict,
            facts={"backbone": self.backbone},
            tables=[Table(("on new classes", "accuracy (95 %)"), rows)],
        )


def meta_train(
    data: Any,
    *,
    method: str = "protonet",
    ways: int = 5,
    shots: int = 5,
    queries: int = 15,
    tasks: int = 4,
    episodes: int | None = None,
    evaluated: int = 600,
    backbone: str | None = None,
    from_block: int | None = None,
    lr: float | None = None,
    inner_lr: float = 0.05,
    inner_steps: int = 5,
    augment: str = "none",
    budget: str | float = "10m",
    size: int | None = None,
    val: float = 0.2,
    test: float = 0.2,
    seed: int = 0,
    path_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    on_missing: OnMissing = "error",
    accept_licence: bool = False,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    track: str = "tensorboard",
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> MetaTrainResult:
    """Train a backbone on episodes of few samples, and measure it on episodes of classes that it never saw.

    Args:
        data: what `fit` takes, with a class for each sample and many classes; or a list of such sets. Of those that
            come with parts the training part alone is read.
        method: "protonet" (the nearest mean of features), or a few steps of gradient descent in each episode: "anil"
            (of the head alone), "maml", "fomaml" (its first-order form), "reptile" (first-order, least memory).
        ways: classes of an episode.
        shots: samples of each that are given.
        queries: samples of each that are asked.
        tasks: episodes of one step of the optimizer.
        episodes: to train on; else as many as the time has room for, until new ones help no more.
        evaluated: episodes of new classes that accuracies are measured on.
        backbone: where training starts.
        from_block: the first block that is trained, negative from the end; those below are computed once. By default
            the last two, and all where the weights were never trained.
        lr: learning rate.
        inner_lr: of the steps in an episode.
        inner_steps: how many.
        augment: of images or series: "none", "flip", "light", "standard", "crop".
        budget: time for all of it, where `episodes` is not given.
        size: input side in pixels, tokens or steps.
        val: share of the classes (of three or more sets: of the sets) that say which weights are kept.
        test: share of those that are measured on.
        seed: of everything random.
        path_column: column of a table that holds the path.
        text_column: column of a table that holds the texts.
        label_column: column of a table that holds the class.
        on_missing: "skip" leaves out rows of a table whose file or label is missing; else they are an error.
        accept_licence: as for `fit`.
        out: run folder; must not exist.
        resume: run folder of an interrupted run; all other options as they were.
        track: as for `fit`: what keeps parameters, learning curves and figures.
        listener: hears of progress, measurements and decisions.
        series: how series are read: `id_column`, `time_column`, `value_columns`, `rate`, `window`, `stride`, as
            `warmstart.load` has them.

    Raises:
        DataError, RecipeError, BackboneError, RunError: what was found, what was expected, what to do.
        Interrupted: stopped by the user; what is done is saved and `resume` goes on.
    """
    asked = dict(locals())
    sources = _sources(data)
    begun = backbone or BACKBONES[kind_in(sources[0], kept(asked))]
    start = backbone_at(begun, size, seed, accept_licence=accept_licence)
    options = _options(asked, start, begun)
    recipe = _recipe(options, start)
    named = [called(one) for one in sources]
    same = {**options, "data": named, "weights": start.card.weights_sha256}
    check_folder(same, out=out, resume=resume)
    whole, parts = _data(sources, start, options, listener)
    folder = open_folder("meta-train", same, out=out, resume=resume)
    listener(Started(f"run {folder}"))
    with recorded(folder, track, listener, whole.dataset.samples) as (heard, flag):
        found = meta_train_backbone(
            recipe,
            start,
            whole,
            evaluated=evaluated,
            seed=seed,
            listener=heard,
            folder=folder / "steps",
            limit=None if episodes else seconds(budget),
            interrupt=flag,
        )
    result = _written(folder, found, start, recipe, whole, parts, options, command("meta-train", named, options))
    listener(Finished(f"run {folder}"))
    return result


def _sources(data: Any) -> list[Any]:
    if isinstance(data, list | tuple) and not data:
        raise DataError("nothing to learn from", expected="folders or files with labels", do="name some")
    return list(data) if isinstance(data, list | tuple) else [data]


def _options(asked: Mapping[str, Any], start: Backbone, begun: str) -> dict[str, Any]:
    """Those of the run, as its folder holds them: with what was chosen where nothing was said."""
    anew, first = start.card.random, asked["from_block"]
    chosen = {
        "backbone": begun,
        "from_block": first if first is not None else 0 if anew else -2,
        "lr": asked["lr"] or (_ANEW if anew and asked["method"] == "protonet" else _RATES[start.spec.kind]),
        "budget": str(asked["budget"]),
    }
    names = ("method", "ways", "shots", "queries", "tasks", "episodes", "evaluated", *chosen)
    names = (*names, "inner_lr", "inner_steps", "augment")
    own = {name: chosen.get(name, asked[name]) for name in names}
    return {**own, **kept(asked), "accept_licence": asked["accept_licence"] or None}


def _recipe(options: Mapping[str, Any], start: Backbone) -> Pretraining:
    """One step; of a number of episodes as many epochs as they make."""
    settings = {
        name: options[name] for name in ("ways", "shots", "queries", "tasks", "inner_lr", "inner_steps", "augment")
    }
    episodes, each = options["episodes"], Meta.model_fields["episodes"].default
    if episodes:
        settings["episodes"] = min(episodes, each)
    moves = start.card.random and options["method"] == "protonet"
    return meta_learning(
        options["method"],
        lr=options["lr"],
        blocks=options["from_block"],
        epochs=-(-episodes // each) if episodes else _MOST,
        patience=None if episodes else _PATIENCE,
        norm="train" if moves else "eval",
        **settings,
    )


def _data(
    sources: Sequence[Any], start: Backbone, options: Mapping[str, Any], listener: Listener
) -> tuple[RunData, tuple[Part, ...]]:
    """The data as a run works on them, their classes divided; and what they are made of."""
    dataset, spec, parts = corpus_for(sources, start, options, listener, what="data", labelled=True)
    _refuse_channels(dataset)
    classes = dataset.target.classes
    episode = Episode(options["ways"], options["shots"], options["queries"])
    how = {"val": options["val"], "test": options["test"], "seed": options["seed"]}
    split, left_out = divided_classes(dataset.labels, set_numbers(classes), episode, **how)
    for note in (*(part.text for part in parts), left_out, split.how):
        if note:
            listener(Decided(note))
    return RunData(dataset, split, store_of(dataset, spec), spec, activation_store(None, DEFAULT)), parts


def _refuse_channels(dataset: Dataset) -> None:
    """Channels of one series would be samples of their own, and could be given and asked in one episode."""
    split = next((s for s in dataset.samples if isinstance(s.source, Series) and ", channel " in s.id), None)
    if split is not None:
        raise DataError(
            "series of several channels",
            expected="series of one channel",
            do="name one column with --value-columns",
        )


def _written(
    folder: Path,
    found: MetaTrained,
    start: Backbone,
    recipe: Pretraining,
    data: RunData,
    parts: Sequence[Part],
    options: Mapping[str, Any],
    line: str,
) -> MetaTrainResult:
    """The result; the backbone is written with its card, and beside it lies all that led to it."""
    trained, seed = found.trained, options["seed"]
    said, how = [part.text for part in parts], f"{recipe.name}, seed {seed}"
    made, uri = leave_backbone(folder / "backbone", trained.backbone, start, parts=said, how=how)
    labels, names = data.dataset.labels, data.dataset.target.classes
    classes = {
        part: [names[i] for i in np.unique(labels[getattr(data.split, part)])] for part in ("train", "val", "test")
    }
    facts = {
        "command": line,
        "backbone": uri,
        "method": options["method"],
        "recipe": recipe.model_dump(mode="json"),
        "seed": seed,
        "start": start.card.to_dict(),
        "data": [dataclasses.asdict(part) for part in parts],
        "classes": classes,
        "weights": {"content_sha256": made.card.weights_sha256},
        "evaluated": options["evaluated"],
        "rows": [dataclasses.asdict(row) for row in found.rows],
        "verdict": found.verdict,
        "gain": dataclasses.asdict(found.gain),
        "curve": [dataclasses.asdict(row) for row in trained.curve],
        "seconds": trained.seconds,
        "stopped": trained.stopped,
    }
    write_json(folder / FACTS, facts)
    counts = (len(classes["train"]), len(classes["val"]), len(classes["test"]))
    return MetaTrainResult(
        folder,
        uri,
        options["method"],
        counts,
        options["evaluated"],
        found.rows,
        found.verdict,
        found.gain,
        trained.curve,
        trained.stopped,
    )
