"""`warmstart update`: a bundle goes on learning, and what it forgot is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warmstart.cli.fit import command_again, show
from warmstart.cli.options import (
    AsJson,
    Budget,
    BundleArgument,
    Cache,
    CacheBudget,
    CacheDtype,
    DataArgument,
    Debug,
    Group,
    LabelColumn,
    MaxMemory,
    MaxUnreadable,
    Out,
    PathColumn,
    Seed,
    Test,
    TextColumn,
    Time,
    Track,
    Val,
    of_twin,
    reads_series,
)
from warmstart.cli.session import Session, session
from warmstart.cli.text import interval, plain

if TYPE_CHECKING:
    from warmstart.evaluation.forgotten import Forgotten

Rehearsal = Annotated[
    str | None, typer.Option(help="Old labelled samples that are learned from again; a part is held out to measure on.")
]
Old = Annotated[str | None, typer.Option(help="Old labelled samples to measure on alone what is forgotten.")]
How = Annotated[
    str | None,
    typer.Option(help="Phases to go on with: finetune?from_block=-2, a YAML file.", show_default="all at a low rate"),
]
L2SP = Annotated[float, typer.Option("--l2-sp", help="Pull of the weights towards what they were, such as 10.")]


@reads_series
def update(
    command: typer.Context,
    bundle: BundleArgument,
    data: DataArgument,
    rehearsal: Rehearsal = None,
    old: Old = None,
    recipe: How = None,
    l2_sp: L2SP = 0.0,
    rehearsal_share: Annotated[float, typer.Option(help="Of each batch that is rehearsed.")] = 0.5,
    budget: Budget = "5m",
    seed: Seed = 0,
    val: Val = 0.2,
    test: Test = 0.2,
    group: Group = None,
    time: Time = None,
    path_column: PathColumn = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    out: Out = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
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
    """Train a BUNDLE further on new DATA or classes, and say what was gained and what was forgotten."""
    given = of_twin(locals())
    with session(as_json=as_json, debug=debug, again=command_again(command)) as now:
        beside = f", rehearsing {rehearsal}" if rehearsal else ""
        now.say(f"Updating {bundle} on {data}{beside}; time budget {budget}")
        from warmstart.api.update import update as twin

        result = twin(**given, listener=now.listener)
        found = result.outcome.forgotten
        assert found is not None, "an update tells of it"
        changes(now, found)
        show(now, result, forgotten=found)


def changes(now: Session, found: Forgotten) -> None:
    """Before and after, on what is new and on what is old."""
    rows = [("new", found.new), *([("old", found.old)] if found.old is not None else [])]
    now.say("")
    now.table(
        ("", "samples", f"{found.metric} before", f"{found.metric} after", "difference"),
        [
            (
                name,
                change.samples,
                interval(plain(change.before)),
                interval(plain(change.after)),
                f"{interval(plain(change.difference.difference))}: {change.difference.verdict}",
            )
            for name, change in rows
        ],
    )
