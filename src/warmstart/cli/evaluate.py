"""`warmstart evaluate`: how good a bundle is on labelled data."""

from __future__ import annotations

from typing import Any

from warmstart.cli.options import (
    AsJson,
    BatchSize,
    BundleArgument,
    Coverage,
    DataArgument,
    Debug,
    Group,
    LabelColumn,
    MaxMemory,
    OnMissing,
    PathColumn,
    Seed,
    TextColumn,
    reads_series,
)
from warmstart.cli.session import Session, session
from warmstart.cli.text import interval, number, plain


@reads_series
def evaluate(
    bundle: BundleArgument,
    data: DataArgument,
    group: Group = None,
    path_column: PathColumn = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    on_missing: OnMissing = "error",
    coverage: Coverage = None,
    batch_size: BatchSize = 32,
    max_memory: MaxMemory = None,
    seed: Seed = 0,
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Measure a bundle on labelled DATA, with intervals.

    Classes are matched by name, whatever their order in DATA.
    """
    with session(as_json=as_json, debug=debug) as now:
        now.say(f"Evaluating {bundle} on {data}")
        from warmstart.api.evaluate import evaluate as twin

        result = twin(
            bundle,
            data,
            group=group,
            path_column=path_column,
            text_column=text_column,
            label_column=label_column,
            on_missing=on_missing,
            coverage=coverage,
            batch_size=batch_size,
            seed=seed,
            max_memory=max_memory,
            listener=now.listener,
            **series,
        )
        unreadable = f", {len(result['unreadable'])} unreadable" if result["unreadable"] else ""
        now.say(f"{result['n']} labelled samples ({result['part']} of the data){unreadable}")
        _figures(now, result)
        if rows := result.get("by_class"):
            now.say("")
            names = [name for name in rows[0] if name != "name"]
            shares = isinstance(rows[0]["count"], float)  # of masks, the share of the pixels
            called = "pixels" if shares else "objects"
            heads = [called if name == "count" else name for name in names]
            now.table(("class", *heads), [(row["name"], *(_cell(row[name]) for name in names)) for row in rows])
        if result["unknown"] is not None:
            now.say(f"\n{100 * result['unknown']:.1f} % look like nothing that was trained on")
        if sets := plain(result["coverage"]):
            held = f"{interval(sets['reached'])} of the samples, with {sets['size']:.2f} labels on average"
            now.say(f"\nsets at a coverage of {sets['asked']:g} hold the true label of {held}")
        now.result(result)


def _figures(now: Session, result: dict[str, Any]) -> None:
    """Metrics, and on what they rest; without intervals where all samples are of one group."""
    rests, metrics = result["independent"], plain(result["metrics"])
    if rests is not None:
        now.say(f"independent units: {rests.words}")
    if size := result.get("at_size"):
        now.say(f"figures are at the size {size}")
    now.say("")
    if rests is not None and rests.units == 1:
        now.say("How sure these figures are cannot be told: all is of one unit, and others may differ.\n")
        now.table(("metric", "value"), [(name, number(value["value"])) for name, value in metrics.items()])
        return
    now.table(("metric", "value (95 %)"), [(name, interval(value)) for name, value in metrics.items()])


def _cell(value: float | int | None) -> str:
    return str(value) if isinstance(value, int) else number(value)
