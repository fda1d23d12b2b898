"""`warmstart predict`: answers of a bundle for files or folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from warmstart.cli.options import AsJson, BatchSize, BundleArgument, Coverage, Debug, TextColumn, of_twin, reads_series
from warmstart.cli.session import session
from warmstart.cli.text import in_words

Adapt = Annotated[
    Literal["tent"] | None,
    typer.Option(help="Adapt to these inputs together first, in memory; answers then depend on each other."),
]


@reads_series
def predict(
    bundle: BundleArgument,
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="FILES", help="Images, text files, tables of texts, folders of files, or texts."),
    ],
    csv: Annotated[Path | None, typer.Option(help="Also write the answers as CSV.")] = None,
    on_error: Annotated[
        Literal["row", "stop"], typer.Option(help="An unreadable input: a row that says why, or the end.")
    ] = "row",
    coverage: Coverage = None,
    batch_size: BatchSize = 32,
    text_column: TextColumn = None,
    out: Annotated[
        Path | None, typer.Option(help="Of boxes and masks: a new folder for COCO JSON, PNG masks, GeoJSON, pictures.")
    ] = None,
    least_score: Annotated[
        float | None, typer.Option(help="Of boxes that are told.", show_default="best F1 on validation")
    ] = None,
    tile: Annotated[
        int | None, typer.Option(help="Cut images into tiles of so many pixels a side.", show_default="as in training")
    ] = None,
    adapt: Adapt = None,
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Answer with a label and its probability for each image or text."""
    given = of_twin(locals())
    with session(as_json=as_json, debug=debug) as now:
        now.say(f"Predicting with {bundle}")
        from warmstart.api.predict import predict as twin
        from warmstart.shipping.rows import by_task
        from warmstart.shipping.scenes import in_short

        rows = twin(**given, listener=now.listener)
        told = [{**by_task(row), "found": in_short(row)} if "size" in row else by_task(row) for row in rows]
        shown = _shown(told, several=any("answers" in row for row in rows))
        held = () if coverage is None else ("set",)
        now.table(("input", *shown, "", *held), [_cells(row, shown) for row in told])
        unreadable = sum(row["error"] is not None for row in rows)
        now.say(f"\n{len(rows)} answered, {unreadable} of them unreadable" if unreadable else f"\n{len(rows)} answered")
        if unknown := sum(row.get("unknown") is True for row in rows):
            look = "looks" if unknown == 1 else "look"
            now.say(f"{unknown} of them {look} like nothing that was trained on: such labels mean little", "yellow")
        for said, place in (("written to", csv), ("files and pictures in", out)):
            if place is not None:
                now.say(f"{said} {place}")
        now.result([_plain(row) for row in rows])


def _shown(rows: Sequence[dict[str, Any]], *, several: bool) -> list[str]:
    """The keys that a table shows; of several tasks, those of all."""
    if not rows or "label" in rows[0]:
        return ["label", "probability"]
    if "found" in rows[0]:
        return ["found"]
    keys = dict.fromkeys(key for row in rows for key in row if key not in ("input", "unknown", "distance", "error"))
    return list(keys) if several else list(keys)[:1]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row without the pixels of a mask, which are for files."""
    return {key: value for key, value in row.items() if key != "mask" or isinstance(value, str)}


def _cells(row: dict[str, Any], shown: Sequence[str]) -> tuple[str, ...]:
    answer, *rest = (in_words(row.get(key)) for key in shown)
    first = answer if row["error"] is None else row["error"]
    held = (", ".join(row["set"] or ()),) if "set" in row else ()
    return (row["input"], first, *rest, "unknown" if row.get("unknown") else "", *held)
