"""`warmstart distill`: a smaller network that answers as a bundle does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warmstart.cli.fit import command_again, show
from warmstart.cli.options import (
    AcceptLicence,
    AsJson,
    Budget,
    Cache,
    CacheBudget,
    CacheDtype,
    Debug,
    Group,
    LabelColumn,
    MaxMemory,
    MaxUnreadable,
    Out,
    PathColumn,
    Seed,
    Size,
    Test,
    TextColumn,
    Time,
    Track,
    Val,
    of_twin,
    reads_series,
)
from warmstart.cli.session import Session, session

if TYPE_CHECKING:
    from warmstart.evaluation.distilled import Distilled

Teacher = Annotated[
    str,
    typer.Argument(metavar="BUNDLE", help="The teacher: a bundle folder; several with commas between them."),
]
Labelled = Annotated[str | None, typer.Argument(metavar="DATA", help="Labelled samples, as fit takes them.")]
Student = Annotated[str, typer.Option(help="The student: a network; `warmstart backbones` lists them.")]
Unlabelled = Annotated[
    str | None, typer.Option(help="Samples without labels, as predict takes them, beside DATA or instead of it.")
]
How = Annotated[
    str | None,
    typer.Option(
        help="A recipe that distils: distill?share=0.5&temperature=4, a YAML file.", show_default="distill, by the time"
    ),
]


@reads_series
def distill(
    command: typer.Context,
    teacher: Teacher,
    backbone: Student,
    data: Labelled = None,
    unlabelled: Unlabelled = None,
    accept_licence: AcceptLicence = False,
    recipe: How = None,
    budget: Budget = "5m",
    size: Size = None,
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
    """Train a smaller network on the answers of a BUNDLE, and say what was kept and what it saves."""
    given = of_twin(locals())
    with session(as_json=as_json, debug=debug, again=command_again(command)) as now:
        learned = " and ".join(filter(None, (data, f"{unlabelled} without labels" if unlabelled else "")))
        now.say(f"Distilling {teacher} into {backbone} on {learned or 'nothing'}; time budget {budget}")
        from warmstart.api.distill import distill as twin

        result = twin(**given, listener=now.listener)
        found = result.outcome.distilled
        assert found is not None, "a run with a teacher tells of it"
        sizes(now, found)
        show(now, result, distilled=found)


def sizes(now: Session, found: Distilled) -> None:
    """Teacher and student side by side."""
    now.say("")
    now.table(
        ("", "backbone", "parameters", "MB", "ms per input"),
        [
            (name, one.backbone, f"{one.parameters:,}", f"{one.megabytes:.1f}", f"{one.milliseconds:.1f}")
            for name, one in (("teacher", found.teacher), ("student", found.student))
        ],
    )
