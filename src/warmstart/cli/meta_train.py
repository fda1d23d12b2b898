"""`warmstart meta-train`: a backbone trained on episodes of few samples."""

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
    from warmstart.api.meta_train import MetaTrainResult

Sets = Annotated[
    list[str],
    typer.Argument(metavar="DATA...", help="Folders or files with a class for each sample, and many classes."),
]
Method = Annotated[
    Literal["protonet", "anil", "maml", "fomaml", "reptile"],
    typer.Option(
        help="The nearest mean of features; or a few steps of gradient descent in each episode, of its head alone "
        "(anil) or of all that is trained."
    ),
]
_SHOWN = 10
"""Rows of the learning curve, at most."""


@reads_series
def meta_train(
    command: typer.Context,
    data: Sets,
    method: Method = "protonet",
    ways: Annotated[int, typer.Option(help="Classes of an episode.")] = 5,
    shots: Annotated[int, typer.Option(help="Samples of each class that are given.")] = 5,
    queries: Annotated[int, typer.Option(help="Samples of each class that are asked.")] = 15,
    tasks: Annotated[int, typer.Option(help="Episodes of one step of the optimizer.")] = 4,
    episodes: Annotated[
        int | None, typer.Option(help="Episodes to train on.", show_default="as many as the time has room for")
    ] = None,
    evaluated: Annotated[int, typer.Option(help="Episodes of new classes that accuracies are measured on.")] = 600,
    backbone: Backbone = None,
    from_block: Annotated[
        int | None,
        typer.Option(
            help="First block that is trained, negative from the end; 0 trains all.",
            show_default="-2; 0 of random weights",
        ),
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate.", show_default="by the kind")] = None,
    inner_lr: Annotated[float, typer.Option(help="Learning rate of the steps in an episode.")] = 0.05,
    inner_steps: Annotated[int, typer.Option(help="Steps in an episode; protonet takes none.")] = 5,
    augment: Annotated[
        Literal["none", "flip", "light", "standard", "crop"], typer.Option(help="How images or series are varied.")
    ] = "none",
    budget: Budget = "10m",
    size: Size = None,
    val: Annotated[float, typer.Option(help="Share of the classes that say which weights are kept.")] = 0.2,
    test: Annotated[float, typer.Option(help="Share of the classes that is measured on.")] = 0.2,
    seed: Seed = 0,
    path_column: PathColumn = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    on_missing: OnMissing = "error",
    accept_licence: AcceptLicence = False,
    out: Out = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    track: Track = "tensorboard",
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Train a backbone on episodes of DATA, so that a few samples of classes it never saw suffice."""
    given = of_twin(locals())
    with session(as_json=as_json, debug=debug, again=command_again(command)) as now:
        shape = f"{ways} ways, {shots} shots"
        now.say(f"Meta-learning by {method}{of(backbone)} on {', '.join(data)}: {shape}; time budget {budget}")
        from warmstart.api.meta_train import meta_train as twin

        result = twin(**given, listener=now.listener)
        show(now, result)


def show(now: Session, result: MetaTrainResult) -> None:
    """The learning curve, accuracies on new classes, where the backbone lies, and how it is used."""
    now.say("")
    every = max(1, -(-len(result.curve) // _SHOWN))
    now.table(
        ("epoch", "loss", "accuracy held out"),
        [
            (row.epoch, f"{row.values['train_loss']:.4f}", f"{row.values.get('val_accuracy', float('nan')):.3f}")
            for row in result.curve[every - 1 :: every]
        ],
    )
    now.say("")
    now.table(
        ("head", "backbone", f"accuracy on {result.evaluated} new episodes", "over prototypes as it was"),
        [
            (
                row.head,
                row.backbone,
                f"{100 * row.accuracy.value:.1f} % [{100 * row.accuracy.low:.1f}, {100 * row.accuracy.high:.1f}]",
                ""
                if row.gain is None
                else f"{100 * row.gain.value:+.1f} [{100 * row.gain.low:+.1f}, {100 * row.gain.high:+.1f}]",
            )
            for row in result.rows
        ],
    )
    now.say(f"\n{result.verdict}", "bold")
    now.say(f"backbone  {result.backbone}")
    now.say(f"use it    warmstart fit DATA --backbone '{result.backbone}'")
    now.result(plain(result))
