"""`warmstart pretrain`: a backbone trained before there is a task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from warmstart.cli.fit import command_again
from warmstart.cli.options import (
    AcceptLicence,
    AsJson,
    Backbone,
    Budget,
    Debug,
    LabelColumn,
    MaxMemory,
    OnMissing,
    Out,
    PathColumn,
    Seed,
    Size,
    TextColumn,
    Track,
    of_twin,
    reads_series,
)
from warmstart.cli.session import Session, session
from warmstart.cli.text import of, plain

if TYPE_CHECKING:
    from warmstart.api.pretrain import PretrainResult

Corpus = Annotated[
    list[str] | None,
    typer.Argument(metavar="DATA...", help="Folders or files to learn from, with labels or without; none is needed."),
]
Objective = Annotated[
    Literal["auto", "masked", "views", "classes", "supervised"],
    typer.Option(
        help="Tell what is hidden; draw two views of an input, or those of a class, together; tell the classes of each "
        "data set.",
        show_default="classes of generated series, masked of texts and series, views of images",
    ),
]


@reads_series
def pretrain(
    command: typer.Context,
    data: Corpus = None,
    generate: Annotated[int, typer.Option(help="Generate so many time series to learn from.")] = 0,
    backbone: Backbone = None,
    objective: Objective = "auto",
    budget: Budget = "10m",
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the corpus.", show_default="as many as the time has room for")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Inputs in a batch.", show_default="by the kind")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate.", show_default="by the kind")] = None,
    size: Size = None,
    val: Annotated[float, typer.Option(help="Share held out, whose loss says which weights are kept.")] = 0.05,
    seed: Seed = 0,
    path_column: PathColumn = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    on_missing: OnMissing = "error",
    accept_licence: AcceptLicence = False,
    out: Out = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    track: Track = "tensorboard",
    max_memory: MaxMemory = None,
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Train a backbone on DATA without a task, and write it to a folder that can be used as one."""
    given = of_twin(locals())
    with session(as_json=as_json, debug=debug, again=command_again(command)) as now:
        what = [f"{generate} generated series"] * bool(generate) + list(data or [])
        now.say(f"Pretraining{of(backbone)} on {', '.join(what) or 'nothing'}; time budget {budget}")
        from warmstart.api.pretrain import pretrain as twin

        result = twin(**given, listener=now.listener)
        show(now, result)


def show(now: Session, result: PretrainResult) -> None:
    """The learning curve, where the backbone lies, and how it is used."""
    now.say("")
    now.table(
        ("step", "epoch", "loss", "loss held out"),
        [
            (row.phase, row.epoch, f"{row.values['train_loss']:.4f}", f"{row.values.get('val_loss', float('nan')):.4f}")
            for row in result.curve
        ],
    )
    now.say(f"\nbackbone  {result.backbone}", "bold")
    now.say(f"use it    warmstart fit DATA --backbone '{result.backbone}'")
    now.result({"objective": result.objective, **plain(result)})
