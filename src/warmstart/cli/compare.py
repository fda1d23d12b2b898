"""`warmstart compare`: which method is better here, as far as the data can show."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warmstart.cli import completion
from warmstart.cli.fit import command_again, typed
from warmstart.cli.options import (
    SERIES,
    AcceptLicence,
    AsJson,
    Budget,
    Cache,
    CacheBudget,
    CacheDtype,
    Context,
    DataArgument,
    Debug,
    Group,
    Head,
    Horizon,
    LabelColumn,
    Loss,
    MaxMemory,
    MaxUnreadable,
    Normal,
    OnMissing,
    Out,
    PathColumn,
    Ray,
    Season,
    Seed,
    Size,
    Task,
    TextColumn,
    TileSide,
    Time,
    Track,
    of_twin,
    reads_series,
)
from warmstart.cli.session import Session, session
from warmstart.cli.text import duration, interval, of, plain

if TYPE_CHECKING:
    from warmstart.api.compare import CompareResult
    from warmstart.evaluation.comparison import Entry, Gain


SAME = (
    *("data", "accept_licence", "size", "seed", "val", "group", "time", "task", "horizon", "context", "season"),
    *("head", "loss", "tile"),
    *("path_column", "text_column", "label_column", *SERIES, "on_missing", "max_unreadable"),
)
"""What is given to `compare` and is to be given to a `fit` that goes on from it."""
Methods = Annotated[
    str | None,
    typer.Option(
        help="Recipes with commas between them, with options: finetune?epochs=3. Also: pixels, tfidf, minirocket.",
        autocompletion=completion.recipes,
        show_default="scratch (texts tfidf, series minirocket), probe, finetune, gradual, lp_ft",
    ),
]
Backbones = Annotated[
    str | None,
    typer.Option(
        help="Pretrained networks with commas between them.",
        autocompletion=completion.backbones,
        show_default="lite0 for images, minilm for texts, series for series",
    ),
]
Folds = Annotated[int, typer.Option(help="Folds of cross-validation, the same for all.")]
Seeds = Annotated[int, typer.Option(help="How often that is repeated, each time dealt and trained anew.")]


@reads_series
def compare(
    command: typer.Context,
    data: DataArgument,
    methods: Methods = None,
    backbones: Backbones = None,
    folds: Folds = 5,
    seeds: Seeds = 1,
    budget: Budget = "20m",
    accept_licence: AcceptLicence = False,
    size: Size = None,
    seed: Seed = 0,
    val: Annotated[float, typer.Option(help="Share of what is not held out that a method may choose by.")] = 0.2,
    group: Group = None,
    time: Time = None,
    task: Task = None,
    horizon: Horizon = None,
    context: Context = None,
    season: Season = None,
    head: Head = None,
    loss: Loss = None,
    tile: TileSide = None,
    normal: Normal = None,
    path_column: PathColumn = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    on_missing: OnMissing = "error",
    out: Out = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the comparison in this folder.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that share the cores.")] = 1,
    ray: Ray = None,
    max_unreadable: MaxUnreadable = 0.05,
    cache: Cache = None,
    cache_budget: CacheBudget = "8GB",
    cache_dtype: CacheDtype = "fp32",
    max_memory: MaxMemory = None,
    track: Track = "tensorboard",
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Compare methods and backbones on the same folds of DATA: better, worse, as good, or more data needed."""
    given = of_twin(locals())
    with session(as_json=as_json, debug=debug, again=command_again(command)) as now:
        now.say(f"Comparing {methods or 'methods'}{of(backbones)}: {folds} folds, {seeds} seed(s), {budget} at most")
        result = _twin(**given, listener=now.listener)
        show(now, result, typed(command, SAME))


def _twin(data: str, **options: Any) -> CompareResult:
    """The function of the same name, imported when it is called: it brings torch."""
    from warmstart.api.compare import compare as twin

    return twin(data, **options)


def show(now: Session, result: CompareResult, same: Sequence[str]) -> None:
    """The table, the verdict, and where everything lies; `same` are the words that a `fit` of the best has too."""
    from warmstart.api.running.rungs import MAPS_BATCH
    from warmstart.engine.ladder.simple import SIMPLE

    facts = result.comparison
    now.say("")
    now.table(
        ("method", f"{facts.metric} (95 %)", "over no transfer", "over frozen", "calibration error", "time", "memory"),
        [_row(entry, facts.metric) for entry in facts.entries],
    )
    for entry in facts.entries:
        if entry.failed:
            now.say(f"{entry.name}: {entry.failed}", "yellow")
    now.say(f"\n{facts.verdict}\n", "bold")
    now.say(f"report   {result.report}")
    best = next((entry for entry in facts.entries if entry.name == facts.best), None)
    if best is not None and best.method not in SIMPLE:
        small = facts.task in ("detect", "segment") and "?" not in best.method  # such are compared in small batches
        recipe = f"{best.method}?batch_size={MAPS_BATCH}" if small else best.method
        chosen = ["--recipe", recipe, "--backbone", best.backbone]
        now.say(f"go on    {shlex.join(['warmstart', 'fit', *same, *chosen])}")
    now.result({**facts.to_dict(), "folder": result.folder, "report": result.report})


def _row(entry: Entry, metric: str) -> tuple[str, ...]:
    return (
        entry.name,
        interval(plain(entry.metrics.get(metric))),
        _gain(entry.over_scratch),
        _gain(entry.over_frozen),
        "-" if entry.ece is None else f"{entry.ece:.3f}",
        duration(entry.seconds),
        f"{entry.peak_memory / 2**20:.0f} MB" if entry.peak_memory else "-",
    )


def _gain(gain: Gain | None) -> str:
    if gain is None:
        return "-"
    word = {"no difference that this data can show": "not shown"}.get(gain.finding, gain.finding)
    return (
        f"{100 * gain.interval.value:+.1f} ({100 * gain.interval.low:+.1f} to {100 * gain.interval.high:+.1f}) {word}"
    )
