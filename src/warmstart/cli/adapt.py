"""`warmstart adapt`: a model for a target without labels."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from warmstart.cli.fit import command_again
from warmstart.cli.options import (
    AcceptLicence,
    AsJson,
    Backbone,
    Budget,
    Cache,
    CacheBudget,
    Debug,
    Group,
    LabelColumn,
    MaxMemory,
    MaxUnreadable,
    OnMissing,
    Out,
    PathColumn,
    Seed,
    Size,
    TextColumn,
    Track,
    Val,
    of_twin,
    reads_series,
)
from warmstart.cli.session import Session, session
from warmstart.cli.text import duration, interval, of, plain

if TYPE_CHECKING:
    from warmstart.api.adapt import AdaptResult

Select = Annotated[
    Literal["dev", "snd", "mano", "entropy"],
    typer.Option(help="What chooses among the methods, without labels of the target."),
]


@reads_series
def adapt(
    command: typer.Context,
    source: Annotated[str, typer.Option(help="Labelled data, as `warmstart fit` reads it.")],
    target: Annotated[str, typer.Option(help="Inputs of another origin; labels, if any, only measure.")],
    methods: Annotated[
        str | None,
        typer.Option(
            help="Recipes, with commas between: mcc,dann,gradual.", show_default="source_only,probe,adabn,mcc"
        ),
    ] = None,
    select: Select = "dev",
    ignore_target_labels: Annotated[
        bool, typer.Option("--ignore-target-labels", help="The target's folders or column are no labels.")
    ] = False,
    backbone: Backbone = None,
    accept_licence: AcceptLicence = False,
    budget: Budget = "10m",
    size: Size = None,
    seed: Seed = 0,
    val: Val = 0.2,
    group: Group = None,
    path_column: PathColumn = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    on_missing: OnMissing = "error",
    out: Out = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    max_unreadable: MaxUnreadable = 0.05,
    cache: Cache = None,
    cache_budget: CacheBudget = "8GB",
    max_memory: MaxMemory = None,
    track: Track = "tensorboard",
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Adapt a classifier to a target without labels, and say if that helped."""
    given = of_twin(locals())
    with session(as_json=as_json, debug=debug, again=command_again(command)) as now:
        now.say(f"Adapting from {source} to {target}{of(backbone)}; time budget {budget}")
        from warmstart.api.adapt import adapt as twin

        result = twin(**given, listener=now.listener)
        show(now, result)


def show(now: Session, result: AdaptResult) -> None:
    """The methods with what each criterion says of them, the verdict, and where everything lies."""
    found = result.outcome
    measured = [("target (95 %)", "against source_only")] if found.target.labelled else []
    now.say(f"\n{found.shift_words}\n")
    now.table(
        ("method", f"source {found.metric} (95 %)", *(c.title for c in found.choices), *sum(measured, ()), "time", ""),
        [
            (
                one.name,
                interval(plain(one.val)),
                *(f"{one.criteria[c.name]:.4g}" if one.criteria else "-" for c in found.choices),
                *((interval(plain(one.target)), _gain(plain(one.gain))) if measured else ()),
                "-" if one.skipped else duration(one.seconds),
                one.skipped or _flags(one.name, result),
            )
            for one in found.tried
        ],
    )
    now.say(f"\n{found.verdict}\n", "bold")
    now.say(f"report   {result.report}")
    now.say(f"bundle   {result.bundle}")
    inputs = {"image": "PHOTO.jpg", "text": "TEXTS.csv", "series": "SERIES.csv"}[found.preprocess.get("kind", "image")]
    now.say(f"predict  {shlex.join(['warmstart', 'predict', str(result.bundle)])} {inputs} --out answers.csv")
    now.result({"folder": result.folder, "report": result.report, "bundle": result.bundle, **found.to_dict()})


def _gain(gain: dict[str, Any] | None) -> str:
    if gain is None:
        return "-"
    found = gain["difference"]
    return f"{100 * found['value']:+.1f} ({100 * found['low']:+.1f} to {100 * found['high']:+.1f}) points"


def _flags(name: str, result: AdaptResult) -> str:
    found = result.outcome
    picked = [c.title for c in found.choices if c.picks == name]
    flags = [*(["chosen"] if name == found.chosen else []), *(["oracle"] if name == found.oracle else [])]
    return "; ".join([*flags, *([f"picked by {', '.join(picked)}"] if picked else [])])
