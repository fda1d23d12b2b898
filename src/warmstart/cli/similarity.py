"""`warmstart similarity`: how far apart two data sets are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from warmstart.cli.options import (
    AcceptLicence,
    AsJson,
    Backbone,
    Cache,
    CacheBudget,
    Debug,
    LabelColumn,
    MaxMemory,
    OnMissing,
    Out,
    PathColumn,
    Seed,
    Size,
    TextColumn,
    reads_series,
)
from warmstart.cli.session import Session, session
from warmstart.cli.text import duration, of

if TYPE_CHECKING:
    from warmstart.api.similarity import SimilarityResult
    from warmstart.evaluation.interval import Interval

_FORMS = "a folder with a folder per class, a folder of images or texts, or a table."


@reads_series
def similarity(
    a: Annotated[str, typer.Argument(metavar="A", help=f"The first data set: {_FORMS}")],
    b: Annotated[str, typer.Argument(metavar="B", help=f"The second: {_FORMS}")],
    backbone: Backbone = None,
    accept_licence: AcceptLicence = False,
    limit: Annotated[int, typer.Option(help="Of each set at most so many samples, drawn at random.")] = 2000,
    size: Size = None,
    seed: Seed = 0,
    path_column: PathColumn = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    on_missing: OnMissing = "error",
    out: Out = None,
    max_unreadable: Annotated[
        float, typer.Option(help="Stop if more than this share of the samples of a set cannot be read.")
    ] = 0.05,
    cache: Cache = None,
    cache_budget: CacheBudget = "8GB",
    max_memory: MaxMemory = None,
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Measure how far apart two data sets are, in the features of a network.

    Each measure comes with its interval and with what two random halves of A give; all is said in words, too.
    """
    with session(as_json=as_json, debug=debug) as now:
        now.say(f"Comparing {a} (A) with {b} (B){of(backbone)}; at most {limit} samples of each")
        from warmstart.api.similarity import similarity as twin

        result = twin(
            a,
            b,
            backbone=backbone,
            accept_licence=accept_licence,
            limit=limit,
            size=size,
            seed=seed,
            path_column=path_column,
            text_column=text_column,
            label_column=label_column,
            on_missing=on_missing,
            out=out,
            max_unreadable=max_unreadable,
            cache=cache,
            cache_budget=cache_budget,
            max_memory=max_memory,
            listener=now.listener,
            **series,
        )
        show(now, result)


def show(now: Session, result: SimilarityResult) -> None:
    """The measures, the blocks, the verdict, and where everything lies."""
    outcome = result.outcome
    now.say(f"\n{outcome.a.used} samples of A, {outcome.b.used} of B; {duration(outcome.seconds)}\n")
    rows = [
        (m.title, _span(m.interval), f"{m.halves:.3g}", _span(m.baseline), m.reading)
        for m in outcome.found.measures
        if m.interval is not None and m.halves is not None
    ]
    if rows:
        now.table(("measure", "A to B (95 %)", "halves of A to B", "two halves of A (95 %)", "reading"), rows)
    for m in outcome.found.measures:
        if m.refused:
            now.say(f"no {m.title}: {m.refused}", "yellow")
    if outcome.found.blocks:
        now.say("")
        now.table(
            ("block", "MMD² (95 %)", "two halves of A (95 %)", "CKA of covariances"),
            [
                (row.name, _span(row.mmd), _span(row.baseline), "-" if row.cka is None else f"{row.cka:.2f}")
                for row in outcome.found.blocks
            ],
        )
    now.say(f"\n{outcome.found.verdict}\n")
    now.say(f"report   {result.report}")
    now.result({**outcome.to_dict(), "folder": result.folder, "report": result.report})


def _span(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval.value:.3g} ({interval.low:.3g} to {interval.high:.3g})"
