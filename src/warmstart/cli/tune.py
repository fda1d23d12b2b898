"""`warmstart tune`: the numbers of a recipe, searched, and whether that was worth it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warmstart.cli import completion
from warmstart.cli.compare import SAME
from warmstart.cli.fit import command_again, typed
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
    TextColumn,
    TileSide,
    Time,
    of_twin,
    reads_series,
)
from warmstart.cli.session import Session, session
from warmstart.cli.text import duration, interval, number, of, plain

if TYPE_CHECKING:
    from warmstart.api.tune import TuneResult


@reads_series
def tune(
    command: typer.Context,
    data: DataArgument,
    recipe: Annotated[
        str,
        typer.Option(
            help="A recipe with ranges behind its options: 'finetune?lr=1e-5..1e-2&epochs=3..10&from_block=-1|-2|-4'.",
            autocompletion=completion.recipes,
        ),
    ],
    trials: Annotated[int, typer.Option(help="Recipes to try beside the default.")] = 20,
    seeds: Annotated[int, typer.Option(help="Draws on which the best and the default are compared.")] = 3,
    backbone: Backbone = None,
    budget: Budget = "20m",
    accept_licence: AcceptLicence = False,
    size: Size = None,
    seed: Seed = 0,
    val: Annotated[float, typer.Option(help="Share of what is not held out that is for choosing.")] = 0.2,
    test: Annotated[float, typer.Option(help="Share that is held out from the search.")] = 0.2,
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
    resume: Annotated[Path | None, typer.Option(help="Go on with the search in this folder.")] = None,
    max_unreadable: MaxUnreadable = 0.05,
    cache: Cache = None,
    cache_budget: CacheBudget = "8GB",
    cache_dtype: CacheDtype = "fp32",
    max_memory: MaxMemory = None,
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Search the numbers of a recipe on DATA, and say whether the best is better than the defaults."""
    given = of_twin(locals())
    with session(as_json=as_json, debug=debug, again=command_again(command)) as now:
        now.say(f"Tuning {recipe}{of(backbone)}: {trials} trials, {budget} at most")
        from warmstart.api.tune import tune as twin

        result = twin(**given, listener=now.listener)
        show(now, result, typed(command, (*SAME, "backbone", "test")))


def show(now: Session, result: TuneResult, same: Sequence[str]) -> None:
    """What was tried, the verdict, and where everything lies; `same` are the words that a `fit` of the best has too."""
    from warmstart.evaluation.comparison import by_validation

    facts = result.comparison
    now.say("")
    now.table(
        ("recipe", f"validation {facts.metric}", "time"),
        [(one.name, number(one.val), duration(one.seconds)) for one in by_validation(facts.searched)],
    )
    now.say("\non what the search had not seen")
    now.table(
        ("recipe", f"{facts.metric} (95 %)"),
        [(entry.name, interval(plain(entry.metrics.get(facts.metric)))) for entry in facts.entries],
    )
    now.say(f"\n{facts.verdict}\n", "bold")
    now.say(f"report   {result.report}")
    now.say(f"recipe   {result.folder / 'recipe.yaml'}")
    now.say(f"go on    {shlex.join(['warmstart', 'fit', *same, '--recipe', result.recipe.name])}")
    now.result({**facts.to_dict(), "recipe": result.recipe.name, "folder": result.folder, "report": result.report})
