"""`warmstart predict`: answers of a bundle for files, folders, tables, or what comes through a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from warmstart.cli.options import (
    AsJson,
    BatchSize,
    BundleArgument,
    Coverage,
    Debug,
    MaxMemory,
    PathColumn,
    Ray,
    TextColumn,
    of_twin,
    reads_series,
)
from warmstart.cli.session import Session, session
from warmstart.cli.text import in_words

if TYPE_CHECKING:
    from warmstart.api.predicting.counts import Counts

NOTHING_READ = 2
"""Exit code where there were inputs and none of them could be read."""

Adapt = Annotated[
    Literal["tent"] | None,
    typer.Option(help="Adapt to these inputs together first, in memory; answers then depend on each other."),
]
InputsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUTS",
        help="Files, folders, patterns ('scans/**/*.png'), tables of paths or texts, texts; - for standard input, "
        "with a path, a text or a JSON object in each line.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Write the answers as they come to a file that ends in .csv, .jsonl or .parquet; of boxes and masks also "
        "a new folder for COCO JSON, PNG masks, GeoJSON, pictures."
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on where an interrupted command with the same --out stopped.")
]
AbstainBelow = Annotated[
    float | None, typer.Option(help="No label where its probability is lower than this, such as 0.8.")
]


@reads_series
def predict(
    bundle: BundleArgument,
    inputs: InputsArgument,
    out: Out = None,
    resume: Resume = False,
    on_error: Annotated[
        Literal["row", "skip", "stop"],
        typer.Option(help="An unreadable or missing input: a row that says why, no row, or the end."),
    ] = "row",
    coverage: Coverage = None,
    abstain_below: AbstainBelow = None,
    batch_size: BatchSize = 32,
    text_column: TextColumn = None,
    path_column: PathColumn = None,
    keep: Annotated[
        str | None, typer.Option(help="Columns of a table to keep beside the answers, with commas between them.")
    ] = None,
    least_score: Annotated[
        float | None, typer.Option(help="Of boxes that are told.", show_default="best F1 on validation")
    ] = None,
    tile: Annotated[
        int | None, typer.Option(help="Cut images into tiles of so many pixels a side.", show_default="as in training")
    ] = None,
    adapt: Adapt = None,
    ray: Ray = None,
    max_memory: MaxMemory = None,
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Answer with a label and its probability for each image, text or series.

    The last line says how many were answered. The exit code is 0, or 2 where none of the inputs could be read.
    """
    given = of_twin(locals())
    with session(as_json=as_json, debug=debug) as now:
        now.say(f"Predicting with {bundle}")
        from warmstart.api.predict import predict as twin
        from warmstart.api.predicting.counts import counted
        from warmstart.api.predicting.tables import WrittenRows

        rows = twin(**{**given, "inputs": sys.stdin.buffer if inputs == ["-"] else inputs}, listener=now.listener)
        if isinstance(rows, WrittenRows):
            counts = rows.counts
            now.result({"out": rows.path, **_told(counts)})
        else:
            counts = counted(rows)
            _show(now, rows, held=coverage is not None)
            now.result([_plain(row) for row in rows])
        _say(now, counts, out)
        if counts.unreadable and counts.unreadable == counts.inputs:
            raise typer.Exit(NOTHING_READ)


def _told(counts: Counts) -> dict[str, int]:
    """For a machine."""
    return {"inputs": counts.inputs, **vars(counts)}


def _say(now: Session, counts: Counts, out: Path | None) -> None:
    """What became of the inputs, in a line."""
    more = {"abstained": counts.abstained, "unreadable": counts.unreadable, "unknown": counts.unknown}
    now.say("\n" + ", ".join([f"{counts.answered} answered", *(f"{n} {what}" for what, n in more.items() if n)]))
    if counts.unknown:
        look = "looks" if counts.unknown == 1 else "look"
        now.say(f"{counts.unknown} {look} like nothing that was trained on: such labels mean little", "yellow")
    if out is not None:
        now.say(f"written to {out}")


def _show(now: Session, rows: Sequence[dict[str, Any]], *, held: bool) -> None:
    """A table of all rows."""
    from warmstart.shipping.rows import by_task
    from warmstart.shipping.scenes import in_short

    told = [{**by_task(row), "found": in_short(row)} if "size" in row else by_task(row) for row in rows]
    shown = _shown(told, several=any("answers" in row for row in rows))
    now.table(("input", *shown, "", *(["set"] if held else [])), [_cells(row, shown) for row in told])


def _shown(rows: Sequence[dict[str, Any]], *, several: bool) -> list[str]:
    """The keys that a table shows; of several tasks, those of all."""
    if not rows or "label" in rows[0]:
        return ["label", "probability"]
    if "found" in rows[0]:
        return ["found"]
    aside = ("input", "kept", "unknown", "distance", "error")
    keys = dict.fromkeys(key for row in rows for key in row if key not in aside)
    return list(keys) if several else list(keys)[:1]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row without the pixels of a mask, which are for files."""
    return {key: value for key, value in row.items() if key != "mask" or isinstance(value, str)}


def _cells(row: dict[str, Any], shown: Sequence[str]) -> tuple[str, ...]:
    answer, *rest = (in_words(row.get(key)) for key in shown)
    first = answer if row["error"] is None else row["error"]
    held = (", ".join(row["set"] or ()),) if "set" in row else ()
    mark = "abstained" if row.get("abstained") else "unknown" if row.get("unknown") else ""
    return (row["input"], first, *rest, mark, *held)
