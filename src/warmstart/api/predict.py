"""`predict`: answers of a bundle for files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Unpack

import pandas as pd

from warmstart.api.adaptation.attuned import AdaptName, attuned
from warmstart.data.futures import ForecastTarget
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Sample, Series
from warmstart.data.seriesreading import SeriesOptions, columns_of, reading_of
from warmstart.data.sources import load_inputs
from warmstart.data.sources.ahead import forecast_inputs
from warmstart.data.tiling import check_side
from warmstart.display import Rows
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.ambient import ambient
from warmstart.engine.events import Advanced, Finished, Listener, Started
from warmstart.errors import DataError
from warmstart.files import write_text
from warmstart.preprocess.series import SeriesSpec
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.files import new_folder, refuse_existing
from warmstart.shipping.rows import by_task
from warmstart.shipping.scenefiles import written


def predict(
    bundle: str | Path,
    inputs: Any,
    *,
    csv: str | Path | None = None,
    on_error: Literal["row", "stop"] = "row",
    coverage: float | None = None,
    batch_size: int = 32,
    text_column: str | None = None,
    out: str | Path | None = None,
    least_score: float | None = None,
    tile: int | None = None,
    adapt: AdaptName | None = None,
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> list[dict[str, Any]]:
    """One row per input: `input`, `label`, `probability`, `probabilities` by class, and `error` where it is unreadable.

    Further `unknown`: whether it looks like nothing that was trained on, by its `distance` to that.

    Args:
        bundle: folder that `fit` wrote.
        inputs: image files, a folder of them, or in-memory images; for a bundle of texts the texts themselves, text
            files, a folder of them, or a table with a column of texts.
        csv: also write the rows to this file (one column `p(<class>)` per class).
        on_error: `row` gives an unreadable input a row with `error`; `stop` raises.
        coverage: such as 0.9: each row has a `set` of labels too, the most probable first, that holds the true one in
            at least this share of cases, for samples like those of the training.
        batch_size: samples at a time; changes no answer.
        text_column: column of a table that holds the texts, where its name does not tell.
        out: for a bundle of boxes or masks a folder, which must not exist, for what was found as files: COCO's JSON,
            PNG masks, GeoJSON of images that say where they lie, and pictures to look at. Rows then name the file of a
            mask instead of holding it.
        least_score: of boxes that are told; by default the one at which F1 was best on validation.
        tile: side of overlapping tiles that images are cut into before they are marked, in pixels: of images that are
            larger than memory, or whose objects would be too small in the whole. By default as in training.
        adapt: `tent` makes the networks surer of these inputs first, without a label and in memory alone (Wang et al.
            2021): for inputs that look otherwise than those of the training. What is said of one depends on the others
            then; rows say so in `adapted`, and tell no `unknown`.
        listener: hears of progress.
        series: how series are read: `id_column`, `time_column`, `value_columns`, `rate`, `window`, `stride`, as
            `warmstart.load` has them.

    Raises:
        BundleError: the bundle is damaged or answers otherwise than when it was written.
        DataError: there is nothing to predict, the coverage is more than the validation samples could support, or there
            is nothing that `adapt` could do.
    """
    keep_buffers()
    loaded = Bundle.load(bundle)
    target, kind, reading = loaded.manifest.target, loaded.spec.kind, reading_of(series)
    if isinstance(target, ForecastTarget):
        samples = forecast_inputs(target, inputs, **columns_of(series))
    else:
        channels = loaded.spec.channels if isinstance(loaded.spec, SeriesSpec) else None
        samples = load_inputs(inputs, kind=kind, text_column=text_column, reading=reading, channels=channels)
        refuse_uncut(samples, loaded.manifest.window)
    if adapt is not None:
        loaded = attuned(loaded, samples, coverage, listener)
    if isinstance(target, BoxTarget | MaskTarget):
        if tile is not None:
            check_side(tile)
        return _scenes(loaded, samples, csv, on_error, out, least_score, tile, listener)
    if (out, least_score, tile) != (None, None, None):
        raise DataError(
            f"out, least_score or tile for a bundle of the task {loaded.manifest.task!r}",
            expected="a bundle that marks boxes or masks",
            do="leave them out; csv writes answers of all kinds",
        )
    listener(Started("predict", len(samples)))
    rows = loaded.predict(
        samples,
        batch_size=batch_size,
        on_error=on_error,
        coverage=coverage,
        progress=lambda n: listener(Advanced("predict", n)),
    )
    listener(Finished("predict"))
    if adapt is not None:
        answered = sum(row["error"] is None for row in rows)
        rows = [{**row, "adapted": f"{adapt}, to {answered} inputs together"} for row in rows]
    if csv is not None and loaded.manifest.task == "forecast":
        write_forecasts(rows, Path(csv))
    elif csv is not None:
        write_csv(rows, loaded.classes, Path(csv))
    return Rows(rows)


def _scenes(
    bundle: Bundle,
    samples: Sequence[Sample],
    csv: str | Path | None,
    on_error: Literal["row", "stop"],
    out: str | Path | None,
    least_score: float | None,
    tile: int | None,
    listener: Listener,
) -> list[dict[str, Any]]:
    """Rows of images that are marked, and the files of them."""
    if out is not None:
        refuse_existing(Path(out))
    listener(Started("predict", len(samples)))
    found = bundle.marked(
        samples,
        on_error=on_error,
        least_score=least_score,
        tile=tile,
        progress=lambda n: listener(Advanced("predict", n)),
    )
    if out is None:
        rows = list(found)
    else:
        with new_folder(Path(out)) as folder:
            rows = written(folder, bundle.classes, samples, found)
    listener(Finished("predict"))
    if csv is not None:
        write_scenes(rows, Path(csv))
    return rows


def write_scenes(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write what was found as UTF-8 CSV: a line for each box, or for each class of a mask with its share."""
    lines: list[dict[str, Any]] = []
    for row in rows:
        if row["error"] is not None:
            lines.append({"input": row["input"], "error": row["error"]})
        for box in row.get("boxes") or ():
            edges = dict(zip(("left", "top", "right", "bottom"), box["box"], strict=True))
            lines.append({"input": row["input"], "label": box["label"], "score": box["score"], **edges})
        lines += [{"input": row["input"], "label": k, "share": v} for k, v in (row.get("shares") or {}).items()]
    boxed = any("boxes" in row for row in rows)
    columns = ["label", "score", "left", "top", "right", "bottom"] if boxed else ["label", "share"]
    write_text(path, pd.DataFrame(lines, columns=["input", *columns, "error"]).to_csv(index=False))


def refuse_uncut(samples: Sequence[Sample], window: int | None) -> None:
    """Raise `DataError` for recordings that should be cut into windows: a whole one would be squeezed into one."""
    long = [sample for sample in samples if isinstance(sample.source, Series)]
    long = [sample for sample in long if window is not None and sample.source.steps >= 2 * window]
    if long:
        raise DataError(
            f"{long[0].id} has {long[0].source.steps} steps, and the model was trained on windows of {window}",
            expected="windows of that length, or recordings that are cut into them",
            do=f"cut them with window={window} (--window {window})",
        )


def write_csv(rows: Sequence[dict[str, Any]], classes: Sequence[str], path: Path) -> None:
    """Write prediction rows as UTF-8 CSV, whole or not at all; lists are JSON, what has names a column for each."""
    rows = [by_task(row) for row in rows]
    keys = (
        list(dict.fromkeys(key for row in rows for key in row))
        if rows
        else ["input", "label", "probability", "probabilities", "unknown", "distance", "error"]
    )
    named = {"probabilities": "p({})", "values": "{}"}  # how columns of what has names are called
    plain = [key for key in keys if key not in (*named, "error")]
    flat = [
        {
            **{key: _cell(row.get(key)) for key in (*plain, "error")},
            **{
                form.format(name): value
                for key, form in named.items()
                if key in row
                for name, value in (row[key] or {}).items()
            },
        }
        for row in rows
    ]
    several = [form.format(name) for key, form in named.items() if key in keys for name in classes]
    write_text(path, pd.DataFrame(flat, columns=[*plain, *several, "error"]).to_csv(index=False))


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def write_forecasts(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write forecasts as UTF-8 CSV, a line for each series and step: its time, the forecast, a column per quantile."""
    lines: list[dict[str, Any]] = []
    for row in rows:
        if row["error"] is not None:
            lines.append({"input": row["input"], "error": row["error"]})
            continue
        named = {f"q{level}": values for level, values in row["quantiles"].items()}
        for step, time in enumerate(row["times"]):
            told = {name: values[step] for name, values in named.items()}
            lines.append({"input": row["input"], "time": time, "forecast": row["forecast"][step], **told})
    levels = next((list(row["quantiles"]) for row in rows if row["error"] is None), [])
    columns = ["input", "time", "forecast", *(f"q{level}" for level in levels), "error"]
    write_text(path, pd.DataFrame(lines, columns=columns).to_csv(index=False))
