"""Transfer between series data sets with FCN as published (Fawaz et al. 2018): five from scratch, twenty transfers.

    python -m benchmarks.series_transfer --out FOLDER                       # all 25 cells, the cheap ones first
    python -m benchmarks.series_transfer --out FOLDER --sets GunPoint ArrowHead
    python -m benchmarks.series_transfer --out FOLDER --table               # what is there so far

A cell that has ended is a line in FOLDER/cells.jsonl and is not run again; one that was stopped goes on where it was.
ArrowHead, GunPoint, ItalyPowerDemand and OSULeaf come with aeon, Trace out of the wheel of tslearn; `--data` names a
folder that holds all five instead. Default splits; all training samples train, nothing validates.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from benchmarks.packages import UnavailableError, cache_folder, wheel_member
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import Dataset, Split
from warmstart.data.signals import SeriesStore
from warmstart.data.sources import load
from warmstart.engine.data import RunData
from warmstart.engine.events import Event, Measured
from warmstart.engine.run import run_recipe
from warmstart.evaluation.predict import predict_outputs
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.preprocess.kinds import of_series
from warmstart.recipe.methods import load_recipe
from warmstart.task.base import task_of
from warmstart.task.network import network_for

SETS = ("ItalyPowerDemand", "GunPoint", "ArrowHead", "Trace", "OSULeaf")
"""The cheapest first."""
SCRATCH = "scratch"
PUBLISHED: dict[tuple[str, str], float] = {
    (source, target): value
    for source, row in {
        SCRATCH: (0.961, 1.0, 0.823, 1.0, 0.983),
        "ItalyPowerDemand": (None, 1.0, 0.891, 1.0, 0.979),
        "GunPoint": (0.958, None, 0.880, 1.0, 0.983),
        "ArrowHead": (0.958, 1.0, None, 1.0, 0.942),
        "Trace": (0.961, 1.0, 0.834, None, 0.959),
        "OSULeaf": (0.963, 1.0, 0.817, 1.0, None),
    }.items()
    for target, value in zip(SETS, row, strict=True)
    if value is not None
}
"""Test accuracy by (source, target), single runs."""
FAR = 0.03
"""What two single runs may differ by; more is flagged."""
_TSLEARN = ("tslearn", "0.10.0", "tslearn/.cached_datasets/Trace.npz")
_TRACE = "0de0b7fa727cfabaf8481552db2b95fcccd12e54b67058aea79ff05b483cf807"


@dataclasses.dataclass(frozen=True)
class Cell:
    """One network: trained on `target`, from scratch or from what was trained on `source`."""

    source: str
    target: str

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.source}-{self.target}"

    @property
    def names(self) -> list[str]:
        """The sets that have to be there."""
        return [self.target] if self.source == SCRATCH else [self.source, self.target]


def cells(sets: Sequence[str]) -> list[Cell]:
    """All among these sets, the cheap ones first: a transfer takes as long as training from scratch on its target.

    >>> [cell.name for cell in cells(("GunPoint", "Trace"))]
    ['scratch-GunPoint', 'scratch-Trace', 'Trace-GunPoint', 'GunPoint-Trace']
    """
    chosen = [name for name in SETS if name in sets]
    found = [Cell(SCRATCH, name) for name in chosen]
    found += [Cell(source, target) for target in chosen for source in chosen if source != target]
    return sorted(found, key=lambda cell: max(map(SETS.index, cell.names)))


def read(name: str, folder: Path | None) -> Dataset:
    """A set with its published parts."""
    if folder is not None:
        return load(folder / name, kind="series")
    if name == "Trace":
        kept = cache_folder() / "packages" / "Trace.npz"
        content = wheel_member(*_TSLEARN, _TRACE)
        if not kept.exists():
            kept.write_bytes(content)
        return load(kept, kind="series")
    found = find_spec("aeon")
    if found is None or found.origin is None:
        raise UnavailableError(f"{name} comes with aeon, which is not installed")
    return load(Path(found.origin).parent / "datasets" / "data" / name, kind="series")


def run_data(dataset: Dataset, backbone: Backbone) -> RunData:
    """All training samples train; there is nothing to validate with."""
    parts = {part: np.flatnonzero([sample.split == part for sample in dataset.samples]) for part in ("train", "test")}
    split = Split(parts["train"], np.arange(0), parts["test"], how="published")
    spec = of_series(backbone.spec).with_size(max(sample.source.steps for sample in dataset.samples))
    return RunData(dataset, split, SeriesStore(dataset, spec), spec, ActivationStore(None))


def run_cell(cell: Cell, out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Train, take the epoch of the lowest training loss, and open the test set."""
    weights = out / f"{cell.source}.safetensors"
    uri = "fcn1d" if cell.source == SCRATCH else f"file:fcn1d@{weights}"
    backbone = load_backbone(uri, seed=options.seed)
    dataset = read(cell.target, options.data)
    data, task = run_data(dataset, backbone), task_of(dataset.target)
    network = network_for(backbone, dataset.target, seed=options.seed)
    recipe = load_recipe("finetune_all", epochs=options.epochs, enough=options.enough)
    spent, began = time.process_time(), time.monotonic()
    folder = out / "runs" / cell.name
    result = run_recipe(recipe, network, data, task=task, seed=options.seed, folder=folder, listener=Told(cell.name))
    outputs = predict_outputs(result.network, data.store, data.split.test)
    if cell.source == SCRATCH:
        save_file(result.network.backbone.state_dict(), out / f"{cell.target}.safetensors")
    losses = [row.values["train_loss"] for row in result.curve]
    return {
        **dataclasses.asdict(cell),
        "accuracy": task.metrics(outputs, data.targets(data.split.test))["accuracy"],
        "published": PUBLISHED[cell.source, cell.target],
        "epochs": len(losses),
        "best_epoch": int(np.argmin(losses)) + 1,
        "train_loss": min(losses),
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(time.process_time() - spent, 1),
        "seed": options.seed,
        "enough": options.enough,
    }


class Told:
    """Prints where a cell stands, every hundred epochs."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, event: Event) -> None:
        """Hear of an epoch."""
        if isinstance(event, Measured) and event.epoch % 100 == 0:
            told = ", ".join(f"{key} {event.values[key]:.2e}" for key in ("train_loss", "rate", "seconds"))
            print(f"{self.name} epoch {event.epoch}: {told}", flush=True)


def done(out: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The cells that have ended."""
    path = out / "cells.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return {(row["source"], row["target"]): row for row in rows}


def table(rows: dict[tuple[str, str], dict[str, Any]]) -> str:
    """Accuracy with its difference to the published one; `!` behind one that is off by more than three points."""
    lines = ["| source \\ target | " + " | ".join(SETS) + " |", "|" + " --- |" * (len(SETS) + 1)]
    for source in (SCRATCH, *SETS):
        found = [_shown(rows.get((source, target)), source == target) for target in SETS]
        lines.append(f"| {source} | {' | '.join(found)} |")
    gaps = [row["accuracy"] - row["published"] for row in rows.values()]
    if gaps:
        near = sum(abs(gap) <= FAR for gap in gaps)
        lines.append(f"\n{near} of {len(gaps)} within {FAR:.2f}; mean difference {np.mean(gaps):+.4f}")
    return "\n".join(lines)


def _shown(row: dict[str, Any] | None, same: bool) -> str:
    if row is None:
        return "" if same else "-"
    gap = row["accuracy"] - row["published"]
    return f"{row['accuracy']:.3f} ({gap:+.3f}){' !' if abs(gap) > FAR else ''}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description="Table of Fawaz et al. (2018), FCN.")
    parser.add_argument("--out", type=Path, required=True, help="folder for cells, checkpoints and weights")
    parser.add_argument("--data", type=Path, help="folder that holds the five sets, instead of packages")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--epochs", type=int, default=2000)
    parser.add_argument("--enough", type=float, help="end a cell at this training loss, which the paper does not")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    for cell in () if options.table else cells(options.sets):
        if (cell.source, cell.target) in done(options.out):
            continue
        row = run_cell(cell, options.out, options)
        with (options.out / "cells.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)
    print(table(done(options.out)))


if __name__ == "__main__":
    main()
