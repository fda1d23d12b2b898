"""`warmstart predict`: answers of a bundle for files or folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from warmstart.cli.options import AsJson, BatchSize, BundleArgument, Debug
from warmstart.cli.session import session
from warmstart.cli.text import number


def predict(
    bundle: BundleArgument,
    inputs: Annotated[list[Path], typer.Argument(metavar="FILES", help="Images, or folders of images.")],
    csv: Annotated[Path | None, typer.Option(help="Also write the answers as CSV.")] = None,
    on_error: Annotated[
        Literal["row", "stop"], typer.Option(help="An unreadable image: a row that says why, or the end.")
    ] = "row",
    batch_size: BatchSize = 32,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Answer with a label and its probability for each image."""
    with session(as_json=as_json, debug=debug) as now:
        now.say(f"Predicting with {bundle}")
        from warmstart.api.predict import predict as twin

        rows = twin(bundle, inputs, csv=csv, on_error=on_error, batch_size=batch_size, listener=now.listener)
        now.table(
            ("input", "label", "probability"),
            [
                (row["input"], row["label"] if row["error"] is None else row["error"], number(row["probability"]))
                for row in rows
            ],
        )
        unreadable = sum(row["error"] is not None for row in rows)
        now.say(f"\n{len(rows)} answered, {unreadable} of them unreadable" if unreadable else f"\n{len(rows)} answered")
        if csv is not None:
            now.say(f"written to {csv}")
        now.result(rows)
