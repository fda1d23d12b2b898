"""`predict`: answers of a bundle for files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Unpack

import pandas as pd

from warmstart.data.futures import ForecastTarget
from warmstart.data.schema import Sample, Series
from warmstart.data.seriesreading import SeriesOptions, columns_of, reading_of
from warmstart.data.sources import load_inputs
from warmstart.data.sources.ahead import forecast_inputs
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.events import Advanced, Finished, Listener, Started, silent
from warmstart.errors import DataError
from warmstart.files import write_text
from warmstart.preprocess.series import SeriesSpec
from warmstart.shipping.bundle import Bundle


def predict(
    bundle: str | Path,
    inputs: Any,
    *,
    csv: str | Path | None = None,
    on_error: Literal["row", "stop"] = "row",
    coverage: float | None = None,
    batch_size: int = 32,
    text_column: str | None = None,
    listener: Listener = silent,
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
        listener: hears of progress.
        series: how series are read: `id_column`, `time_column`, `value_columns`, `rate`, `window`, `stride`, as
            `warmstart.load` has them.

    Raises:
        BundleError: the bundle is damaged or answers otherwise than when it was written.
        DataError: there is nothing to predict, or the coverage is more than the validation samples could support.
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
    listener(Started("predict", len(samples)))
    rows = loaded.predict(
        samples,
        batch_size=batch_size,
        on_error=on_error,
        coverage=coverage,
        progress=lambda n: listener(Advanced("predict", n)),
    )
    listener(Finished("predict"))
    if csv is not None and loaded.manifest.task == "forecast":
        write_forecasts(rows, Path(csv))
    elif csv is not None:
        write_csv(rows, loaded.classes, Path(csv))
    return rows


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
    keys = list(rows[0]) if rows else ["input", "label", "probability", "probabilities", "unknown", "distance", "error"]
    named = {"probabilities": "p({})", "values": "{}"}  # how columns of what has names are called
    plain = [key for key in keys if key not in (*named, "error")]
    flat = [
        {
            **{key: _cell(row[key]) for key in (*plain, "error")},
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
