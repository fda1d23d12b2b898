"""The options that commands share, each said once. Names are those of the Python keywords."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer

from warmstart.cli import completion

Command = TypeVar("Command", bound=Callable[..., Any])

DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A folder with a folder per class, or images with boxes or masks; a table: CSV, TSV, Parquet, JSON lines, "
        "CoNLL; .ts, .arff, .npz.",
    ),
]
BundleArgument = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle folder that `fit` wrote.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else there.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error, and the library's log.")]
Backbone = Annotated[
    str | None,
    typer.Option(
        help="Pretrained network; `warmstart backbones` lists them.",
        autocompletion=completion.backbones,
        show_default="lite0 for images, minilm for texts, series for series",
    ),
]
AcceptLicence = Annotated[
    bool,
    typer.Option("--accept-licence", help="Your use keeps to the licence of the weights, also where it restricts it."),
]
RecipeName = Annotated[
    str,
    typer.Option(
        help="Name of a recipe (`warmstart recipes`), options behind it (finetune?epochs=3), or a YAML file.",
        autocompletion=completion.recipes,
    ),
]
Size = Annotated[
    int | None,
    typer.Option(help="Input side in pixels; of texts, tokens at most.", show_default="chosen from the data"),
]
Seed = Annotated[int, typer.Option(help="Seed of the split, the order and every random draw.")]
Val = Annotated[float, typer.Option(help="Share held out to choose by, where DATA does not say.")]
Test = Annotated[float, typer.Option(help="Share held out to be touched once, where DATA does not say.")]
Group = Annotated[
    str | None,
    typer.Option(help='Column of the table (or "folder") that names what stays in one split: a patient, a site.'),
]
Time = Annotated[
    str | None,
    typer.Option(help='Column of the table (or "exif") that says when each was taken: the latest are the test.'),
]
Track = Annotated[
    str,
    typer.Option(
        help="What keeps parameters, curves and figures: tensorboard, mlflow, wandb, trackio, commas between; "
        "mlflow?artifacts keeps report and bundle too; none."
    ),
]
BatchSize = Annotated[int, typer.Option(help="Samples at a time; changes no answer.")]
Coverage = Annotated[
    float | None,
    typer.Option(help="Sets of labels that hold the true one in this share of cases, such as 0.9."),
]
CacheBudget = Annotated[str, typer.Option(help="What stored activations may take: 500MB, 8GB; 0 stores none.")]
MaxMemory = Annotated[
    str | None,
    typer.Option(help="What the process may take of the memory: 2GB.", show_default="what the machine has"),
]
CacheDtype = Annotated[
    Literal["fp32", "bf16", "int8"],
    typer.Option(help="Format of stored activations: exact, or smaller with an error that is measured and told."),
]
Task = Annotated[
    str | None,
    typer.Option(
        help="What the labels pose: classify (one class), multilabel, regress (numbers), tag (each word), generate (a "
        "text), anomaly (normal or not), detect (boxes), segment (each pixel), forecast; several, a task for each "
        "column of labels, or the kind of each: species=classify,weight=regress.",
        show_default="what they look like",
    ),
]
OnMissing = Annotated[
    Literal["error", "skip"],
    typer.Option(help="Stop at rows without a file or label and at unusable boxes and masks, or leave them out."),
]
Normal = Annotated[
    str | None,
    typer.Option(help="Label of normal samples, from which alone is learned: the task is then to find anomalies."),
]
Horizon = Annotated[int | None, typer.Option(help="Steps to be forecast; DATA are then series over time.")]
Context = Annotated[int | None, typer.Option(help="Steps that a forecast sees.", show_default="by horizon and season")]
Season = Annotated[
    int | None, typer.Option(help="Steps after which a pattern repeats, such as 12.", show_default="found")
]
Head = Annotated[
    str | None,
    typer.Option(
        help="What finds boxes (fcos, fasterrcnn) or masks (unet, deeplabv3plus), options behind it: unet?depth=4.",
        show_default="fcos, unet",
    ),
]
Loss = Annotated[
    str | None,
    typer.Option(
        help="What masks are learned by: cross_entropy, dice, focal, lovasz; several with + between.",
        show_default="cross_entropy+dice",
    ),
]
TileSide = Annotated[
    int | None, typer.Option(help="Of boxes and masks: cut larger images into tiles of so many pixels a side.")
]
PathColumn = Annotated[str | None, typer.Option(help="Column of the table that holds the paths.")]
TextColumn = Annotated[
    str | None, typer.Option(help="Column of the table that holds the texts; for pairs two, with a comma between them.")
]
LabelColumn = Annotated[
    str | None, typer.Option(help="Column of the table that holds the labels; several with commas between them.")
]
Ray = Annotated[
    str | None,
    typer.Option(help="Work on a ray cluster: auto, host:port, ray://host:port; or local, for one on this machine."),
]
SERIES: dict[str, Any] = {
    "id_column": Annotated[
        str | None, typer.Option(help="Of a table with a row per step: the column that says which series it is of.")
    ],
    "time_column": Annotated[str | None, typer.Option(help="Column that says when each step of a series was taken.")],
    "value_columns": Annotated[
        str | None, typer.Option(help="Columns of the values of series, with commas between them.")
    ],
    "rate": Annotated[float | None, typer.Option(help="Steps per second of series, where DATA does not say it.")],
    "window": Annotated[
        str | None, typer.Option(help="Cut series into windows of so many steps, or of a time: 128, 2s, 500ms.")
    ],
    "stride": Annotated[
        str | None,
        typer.Option(help="From the beginning of one window to that of the next.", show_default="a window's length"),
    ],
}
"""Those of series, by their names in Python (`warmstart.data.seriesreading`)."""


def reads_series(command: Command) -> Command:
    """The command with the options of series in the place of its `**series`."""
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        if parameter.kind is not parameter.VAR_KEYWORD:
            parameters.append(parameter)
    options = [
        inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=a) for n, a in SERIES.items()
    ]
    whole = inspect.Signature([*parameters, *options])
    command.__signature__ = whole  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in whole.parameters.values()}
    return command


def of_twin(given: dict[str, Any]) -> dict[str, Any]:
    """What a command was given (its `locals()`), as the Python function of its name takes it."""
    series: dict[str, Any] = given["series"]
    return {k: v for k, v in given.items() if k not in ("command", "as_json", "debug", "series")} | series


Out = Annotated[Path | None, typer.Option(help="Run folder; must not exist.", show_default="runs/NAME-001, 002, ...")]
Cache = Annotated[
    Path | None,
    typer.Option(help="Folder for activations and resized pixels or tokens.", show_default="~/.cache/warmstart"),
]
Budget = Annotated[str, typer.Option(help="Time that may be spent: 90s, 5m, 2h.")]
MaxUnreadable = Annotated[float, typer.Option(help="Stop if more than this share of the samples cannot be read.")]
