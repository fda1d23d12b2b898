"""Forecasts of the series that aeon ships: ours beside naive ones, Theta, a linear model and ETS, by rolling origins.

    python -m benchmarks.forecasts                          # all sets, results/forecasts.json and .md
    python -m benchmarks.forecasts --sets airline uschange  # some of them
    python -m benchmarks.forecasts --recipe probe           # the frozen probe instead of the ladder

Each set is fitted by `warmstart.fit`: parts by time, the last 20 % are the test, its origins are stated. Everything is
measured on the same windows. ETS is aeon's AutoETS, chosen and fitted anew at every origin on all that lies before it;
its quantiles are those of its errors one step ahead, as wide for every step. What is in the file is not run again.
"""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from warmstart.api.fit import fit
from warmstart.data.futures import FloatArray, ForecastTarget, Window, known_past, to_both_sides
from warmstart.data.sources import load
from warmstart.data.split import split
from warmstart.data.windows import Asked
from warmstart.engine.ladder.forecasts import in_units
from warmstart.evaluation.outcome import Outcome
from warmstart.task.base import task_of

RESULTS = Path(__file__).parent / "results"
SHOWN = ("skill", "mase", "smape", "wql", "coverage_80")
FOLDER = "datasets/data"


def _shipped(name: str) -> Callable[[], Any]:
    """One series of aeon's, with its months, quarters or half hours as stamps."""

    def loaded() -> pd.DataFrame:
        series = getattr(importlib.import_module("aeon.datasets"), f"load_{name}")(return_array=False)
        index = series.index.to_timestamp() if hasattr(series.index, "to_timestamp") else series.index
        return pd.DataFrame({"time": index, name: np.asarray(series, dtype=np.float64)})

    return loaded


def _uschange() -> list[FloatArray]:
    return list(np.asarray(importlib.import_module("aeon.datasets").load_uschange(), dtype=np.float64))


def _yearly() -> Path:
    aeon = importlib.import_module("aeon")
    return Path(str(aeon.__file__)).parent / FOLDER / "m1_yearly_dataset" / "m1_yearly_dataset.tsf"


SETS: dict[str, tuple[Callable[[], Any], dict[str, int]]] = {
    "airline": (_shipped("airline"), {"horizon": 12}),
    "shampoo": (_shipped("shampoo_sales"), {"horizon": 3, "context": 8, "season": 1}),
    "lynx": (_shipped("lynx"), {"horizon": 6}),
    "pbs": (_shipped("PBS_dataset"), {"horizon": 12}),
    "solar": (_shipped("solar"), {"horizon": 24}),
    "uschange": (_uschange, {"horizon": 8, "season": 4}),
    "m1_yearly": (_yearly, {"horizon": 3, "context": 6}),
}
"""Name -> (data, what is asked)."""


def ets(past: FloatArray, target: ForecastTarget) -> FloatArray:
    """Quantiles (horizon, levels) of aeon's AutoETS; the last value of a past too short for it."""
    from aeon.forecasting.stats import AutoETS

    point, errors = np.full(target.horizon, past[-1]), np.diff(past)
    seasonal = target.season > 1 and len(past) > 2 * target.season
    try:
        model = AutoETS(seasonal_period=target.season if seasonal else 1).fit(past)
        found = np.asarray(model.iterative_forecast(past, target.horizon), dtype=np.float64)
        fitted = np.asarray(model.wrapped_model_.fitted_values_, dtype=np.float64)
        residuals = past[-len(fitted) :] - fitted
        if np.isfinite(found).all() and np.isfinite(residuals).all():
            point, errors = found, residuals
    except (ValueError, ZeroDivisionError, FloatingPointError, AttributeError):
        pass
    return np.asarray(point[:, None] + to_both_sides(errors, target.quantiles))


def measured_ets(data: Any, asked: dict[str, int]) -> dict[str, float]:
    """Metrics of ETS on the test windows of `fit`."""
    dataset = load(data, kind="series", forecast=Asked(**asked))
    test, target = split(dataset).test, dataset.target
    assert isinstance(target, ForecastTarget)
    windows: list[Window] = [dataset.samples[int(i)].source for i in test]
    said = np.array([ets(known_past(window.past), target) for window in windows])
    targets = torch.from_numpy(dataset.targets[test])
    return task_of(target).metrics(in_units(torch.from_numpy(said), targets), targets)


def measure(name: str, backbone: str | None, recipe: str | None, budget: str) -> dict[str, Any]:
    """Everything of one set, as plain data."""
    source, words = SETS[name]
    asked: dict[str, Any] = {**words}
    data, began = source(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        run = fit(data, backbone=backbone, recipe=recipe, budget=budget, out=at / "run", cache=at / "cache", **asked)
    found: Outcome = run.outcome
    seconds = time.monotonic() - began
    return {
        "asked": asked,
        "backbone": found.backbone["name"],
        "split": found.split,
        "season": found.audit["facts"]["season"],
        "context": found.audit["facts"]["context"],
        "series": found.audit["facts"]["series"],
        "chosen": found.chosen,
        "verdict": found.verdict,
        "measured": {**found.measured, "ets": measured_ets(data, asked)},
        "seconds": seconds,
    }


def table(results: dict[str, Any]) -> str:
    """Markdown: a block for each set, a row for each model."""
    lines = []
    for name, one in results.items():
        lines += [
            f"## {name}",
            "",
            f"{one['series']} series, horizon {one['asked']['horizon']}, season {one['season']}, context "
            f"{one['context']}, backbone `{one['backbone']}`, chosen: {one['chosen']}. "
            f"Divided {one['split']['how']}.",
            "",
            f"| model | {' | '.join(SHOWN)} |",
            f"|---|{'---:|' * len(SHOWN)}",
        ]
        for model, row in one["measured"].items():
            cells = [f"{row[metric]:.3f}" if metric in row else "–" for metric in SHOWN]
            lines.append(f"| {'**ours**' if model == 'final' else model} | {' | '.join(cells)} |")
        lines += ["", one["verdict"], ""]
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--backbone")
    parser.add_argument("--recipe")
    parser.add_argument("--budget", default="90s")
    parser.add_argument("--out", type=Path, default=RESULTS / "forecasts.json")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    results: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in options.sets:
        if name not in results:
            results[name] = measure(name, options.backbone, options.recipe, options.budget)
            options.out.write_text(json.dumps(results, indent=1) + "\n")
            options.out.with_suffix(".md").write_text(table(results))
        best = {model: round(row["skill"], 3) for model, row in results[name]["measured"].items()}
        print(f"{name:10} {best}", flush=True)


if __name__ == "__main__":
    main()
