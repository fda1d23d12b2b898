"""`warmstart fit`: the main job."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from warmstart.cli import completion
from warmstart.cli.options import (
    AcceptLicence,
    AsJson,
    Backbone,
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
    Season,
    Seed,
    Size,
    Task,
    Test,
    TextColumn,
    TileSide,
    Time,
    Track,
    Val,
    of_twin,
    reads_series,
)
from warmstart.cli.session import Session, session
from warmstart.cli.text import duration, interval, number, of, plain

if TYPE_CHECKING:
    from warmstart.api.fit import FitResult

Baseline = Annotated[
    Literal["simple", "scratch", "single", "none"],
    typer.Option(
        help="What transfer is compared with: a simple model (pixels, TF-IDF, MiniRocket), training anew, each of "
        "several tasks alone, nothing."
    ),
]


Alone = Annotated[
    str | None,
    typer.Option(
        help="Run this recipe alone (a name, finetune?epochs=3, a YAML file).",
        show_default="the ladder",
        autocompletion=completion.recipes,
    ),
]
Processes = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Processes that share the work, on GPUs one for each.",
        show_default="as a launcher says, else 1",
    ),
]
Unlabelled = Annotated[
    str | None,
    typer.Option(help="Texts without labels (a table, a folder): further_pretrain learns from them too."),
]


@reads_series
def fit(
    command: typer.Context,
    data: DataArgument,
    backbone: Backbone = None,
    accept_licence: AcceptLicence = False,
    recipe: Alone = None,
    budget: Budget = "5m",
    size: Size = None,
    seed: Seed = 0,
    val: Val = 0.2,
    test: Test = 0.2,
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
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    baseline: Baseline = "simple",
    max_unreadable: MaxUnreadable = 0.05,
    unlabelled: Unlabelled = None,
    cache: Cache = None,
    cache_budget: CacheBudget = "8GB",
    cache_dtype: CacheDtype = "fp32",
    max_memory: MaxMemory = None,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Leave the names of training samples out of the bundle.")
    ] = False,
    track: Track = "tensorboard",
    processes: Processes = None,
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Adapt a pretrained network to DATA, and say if that helped."""
    given = of_twin(locals())
    with session(as_json=as_json, debug=debug, again=command_again(command)) as now:
        method = f"recipe {recipe}" if recipe else "the ladder of methods, each kept only if validation says so"
        now.say(f"Fitting {data}{of(backbone)}: {method}; time budget {budget}")
        from warmstart.api.fit import fit as twin

        result = twin(**given, listener=now.listener)
        show(now, result)


def command_again(context: typer.Context) -> list[str]:
    """The words that were typed, as far as they differ from the defaults, without `--resume`."""
    names = {str(parameter.name) for parameter in context.command.params}
    return ["warmstart", str(context.info_name), *typed(context, names - {"resume"})]


def typed(context: typer.Context, names: Collection[str]) -> list[str]:
    """The arguments and options of these names that were typed, as far as they differ from the defaults."""
    words: list[str] = []
    for parameter in context.command.params:
        value = context.params.get(str(parameter.name))
        if value is None or value == parameter.default or parameter.name not in names:
            continue
        if parameter.param_type_name == "argument":
            words += map(str, value) if isinstance(value, list | tuple) else [str(value)]
        else:
            words += [parameter.opts[0]] if value is True else [parameter.opts[0], str(value)]
    return words


def show(now: Session, result: FitResult, **more: object) -> None:
    """The rungs, the verdict, and where everything lies; `more` goes into the document that a machine reads."""
    outcome = result.outcome
    metric = outcome.metric
    now.say("")
    now.table(
        ("rung", f"validation {metric}", f"test {metric} (95 %)", "time", "", "why"),
        [
            (
                rung.name,
                number(rung.val.get(metric)),
                interval(plain(rung.test)),
                "-" if rung.skipped else duration(rung.seconds),
                "chosen" if rung.name == outcome.chosen else "kept" if rung.kept else "",
                rung.why,
            )
            for rung in outcome.rungs
        ],
    )
    now.say(f"\n{outcome.verdict}\n", "bold")
    now.say(f"report   {result.report}")
    now.say(f"bundle   {result.bundle}")
    kind = outcome.preprocess.get("kind", "image")
    inputs = {"image": "PHOTO.jpg", "text": "TEXTS.csv", "series": "SERIES.csv"}[kind]
    to = "--out found" if outcome.task in ("detect", "segment") else "--out answers.csv"
    now.say(f"predict  {shlex.join(['warmstart', 'predict', str(result.bundle)])} {inputs} {to}")
    now.result(
        {
            "folder": result.folder,
            "report": result.report,
            "bundle": result.bundle,
            "chosen": outcome.chosen,
            "verdict": outcome.verdict,
            "metric": metric,
            "evaluated_on": outcome.evaluated_on,
            "test": outcome.test,
            "rungs": [{k: v for k, v in plain(rung).items() if k != "curve"} for rung in outcome.rungs],
            "differences": outcome.differences,
            "decisions": outcome.decisions,
            "seconds": outcome.seconds,
            **more,
        }
    )
