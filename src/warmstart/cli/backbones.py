"""`warmstart backbones`: the pretrained networks there are."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from warmstart.cli.options import AsJson, Debug
from warmstart.cli.session import session

HEADERS = (
    *("name", "stands for", "parameters", "GFLOPs", "size", "top-1"),
    *("licence of the weights", "trained on", "here"),
)


def backbones(
    task: Annotated[str | None, typer.Option(help="Only those that can be used for it: classify.")] = None,
    modality: Annotated[str | None, typer.Option(help="Only those that read such inputs: image, text, series.")] = None,
    max_params: Annotated[str | None, typer.Option(help="Only those with at most so many parameters: 30M.")] = None,
    licence: Annotated[
        str | None, typer.Option(help='Only those under this licence; a pattern such as "cc-by*".')
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Only those whose weights are on this machine.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List the backbones, with the facts and licences of their weights."""
    with session(as_json=as_json, debug=debug) as now:
        from warmstart.api.backbones import backbones as listed

        rows = listed(task=task, modality=modality, max_params=max_params, licence=licence, offline=offline)
        now.table(HEADERS, [_cells(row) for row in rows])
        now.say(
            "\nwithout the classifier, at `size` pixels, two operations per multiply-add; size counts tokens of texts; "
            "top-1: ImageNet-1k, where stated by the publisher"
            "\n*: the licence restricts the use, so --accept-licence is needed",
            "dim",
        )
        now.result(rows)


def _cells(row: dict[str, Any]) -> list[str]:
    count, gflops, size, top1 = (row[key] for key in ("parameters", "gflops", "size", "top1"))
    return [
        row["name"],
        "" if row["uri"] == row["name"] else row["uri"],
        "" if count is None else f"{count / 1e6:.1f} M",
        "" if gflops is None else f"{gflops:.3g}",
        "" if size is None else str(size),
        "" if top1 is None else f"{top1:.1f}",
        row["licence"] + " *" * row["restricted"],
        row["trained_on"],
        {True: "yes", False: "no", None: ""}[row["here"]],
    ]
