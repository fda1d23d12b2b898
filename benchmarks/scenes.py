"""What a pretrained backbone is worth for masks and boxes: the same network from it and from scratch, on little data.

    python -m benchmarks.scenes                                # all cells, results/scenes.json and .md
    python -m benchmarks.scenes --cells buildings shapes-masks
    python -m benchmarks.scenes --quick --out FOLDER           # next to no training: does everything run?
    python -m benchmarks.scenes --table                        # what is there so far

A cell is one `warmstart.compare` of two methods on the same folds: `transfer` trains the head on the frozen backbone
and then everything, as the ladder does, and `scratch` draws all weights anew. Both make as many steps of the optimiser,
in the same batches, with the same augmentation, and choose nothing: there is no validation part, and the last epoch
counts. Every image is held out once per seed; tiles of one image are never divided, and the interval of the difference
is paired by image. A cell that has ended is not run again, and of one that was stopped finished trials are not.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import machine
from benchmarks.packages import UnavailableError, cache_folder
from benchmarks.scene_sources import buildings, trees
from benchmarks.scenes_table import table
from warmstart.api.compare import compare
from warmstart.api.comparing.compared import Compared
from warmstart.api.comparing.contest import Contest, contest, contestants_of
from warmstart.api.comparing.schedule import Key
from warmstart.api.comparing.trialist import place
from warmstart.api.running.runfolder import CONFIG
from warmstart.api.running.rungs import MAPS_BATCH, MAPS_DECAY, MAPS_HEAD_RATE, MAPS_RATES, MAPS_VIEWS
from warmstart.data.synthetic.scenes import write_scenes
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import silent
from warmstart.engine.trials.trial import Trial, load
from warmstart.evaluation.comparison import Entry, Gain
from warmstart.files import read_json
from warmstart.model.detect.yolo import Yolo
from warmstart.planning.compile import steps_per_epoch
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.recipe import Recipe

RESULTS = Path(__file__).parent / "results"
BACKBONE, AUGMENT, SIZE, BUDGET = "lite0", "light", 128, "6h"
METRICS = {"segment": ("miou", "boundary_iou"), "detect": ("map", "map_50")}
SHAPES = 96
SCRATCH_RATE = 1e-3


@dataclasses.dataclass(frozen=True)
class Cell:
    """Data and a head. `epochs`: of the head alone, and of everything after it; `scratch` has the sum of both."""

    name: str
    about: str
    data: Callable[[], Path]
    task: str
    head: str
    tile: int | None = None
    folds: int = 2
    epochs: tuple[int, int] = (10, 15)
    size: int = SIZE
    rates: tuple[float, float] = (MAPS_HEAD_RATE, SCRATCH_RATE)
    """AdamW's, of the head alone, and of everything from scratch."""


def shapes(kind: str) -> Path:
    """Generated scenes of three shapes; of `masks` or `boxes` what there is is told."""
    folder = cache_folder() / "scenes" / f"shapes-{SHAPES}"
    if not (folder / "legend.json").exists():
        write_scenes(folder, SHAPES, seed=0, size=(SIZE, SIZE))
    return folder if kind == "masks" else folder / "annotations.json"


UNET, FCOS, YOLOX = "unet?channels=128,64,32,16,8", "fcos?channels=64", "yolox?size=t&width=0.25"
CELLS = {
    cell.name: cell
    for cell in (
        Cell("buildings", "12 aerial photos, buildings", buildings, "segment", UNET, tile=256),
        Cell("shapes-masks", f"{SHAPES} generated scenes, 3 shapes", lambda: shapes("masks"), "segment", UNET),
        Cell("shapes-boxes", f"{SHAPES} generated scenes, 3 shapes", lambda: shapes("boxes"), "detect", FCOS),
        Cell(
            "shapes-yolox",
            f"{SHAPES} generated scenes, 3 shapes",
            lambda: shapes("boxes"),
            "detect",
            YOLOX,
            rates=(Yolo.rate, 3e-3),
        ),
        Cell("trees", "4 aerial photos, trees", trees, "detect", FCOS, tile=256),
    )
}


def recipes(
    epochs: tuple[int, int], rates_of: tuple[float, float] = (MAPS_HEAD_RATE, SCRATCH_RATE)
) -> tuple[Recipe, Recipe]:
    """What the ladder does on feature maps, as one recipe; and all weights drawn anew, for as many epochs."""
    shared: dict[str, Any] = {"batch_size": MAPS_BATCH, "augment": AUGMENT}
    head = load_recipe("head_only", epochs=epochs[0], lr=rates_of[0], views=MAPS_VIEWS, **shared)
    rates = {"lr": MAPS_RATES[True], "head": 1.0, "layer_decay": MAPS_DECAY}
    tune = load_recipe("finetune", from_block=0, epochs=epochs[1], **rates, **shared)
    steps = (head.steps[0].model_copy(update={"name": "head"}), *tune.steps)
    about = "The head on the frozen backbone, then everything."
    scratch = load_recipe("scratch", epochs=sum(epochs), lr=rates_of[1], **shared)
    return Recipe(name="transfer", about=about, steps=steps), scratch.model_copy(update={"name": "scratch"})


def measure(cell: Cell, folder: Path, seeds: int) -> dict[str, Any]:
    """Run what is missing of a cell, and what it comes to as plain data."""
    data, methods = cell.data(), recipes(cell.epochs, cell.rates)
    asked = {"task": cell.task, "head": cell.head, "tile": cell.tile, "size": cell.size, "val": 0.0}
    options: dict[str, Any] = {**asked, "folds": cell.folds, "seeds": seeds, "budget": BUDGET}
    options["resume" if folder.exists() else "out"], load_average = folder, os.getloadavg()[0]
    found = compare(data, methods=methods, backbones=BACKBONE, **options).comparison
    transfer, scratch = found.entries
    trials, measured = transfer.trials, ended(data, methods, folder)
    return {
        "about": cell.about,
        **asked,
        "backbone": BACKBONE,
        "augment": AUGMENT,
        "batch": MAPS_BATCH,
        "epochs": cell.epochs,
        "samples": found.samples,
        "how": found.how,
        "train": [trial.train for trial in trials],
        "steps": [sum(cell.epochs) * steps_per_epoch(trial.train, MAPS_BATCH) for trial in trials],
        "seconds": {entry.name: [trial.seconds for trial in entry.trials] for entry in (transfer, scratch)},
        "trained": {entry.name: entry.trained_parameters for entry in (transfer, scratch)},
        "metrics": {metric: by_metric(*measured, metric) for metric in METRICS[cell.task]},
        "load": load_average,
        "machine": f"{machine()}, {torch.get_num_threads()} thread, torch {torch.__version__}",
    }


def ended(data: Path, methods: Sequence[Recipe], folder: Path) -> tuple[Contest, dict[Key, Trial]]:
    """What was compared in a folder, and its trials: `compare` tells differences in one metric alone."""
    options, contestants = read_json(folder / CONFIG) or {}, contestants_of(methods, [BACKBONE])
    where: dict[str, Any] = {"folder": folder, "cache": None, "deadline": Deadline(None), "listener": silent}
    entrants, trials = contest(data, contestants, options, **where), dict[Key, Trial]()
    for one in contestants:
        for fold in entrants.folds.every:
            trial = load(folder / place(contestants, one, fold.seed, fold.number))
            assert trial is not None, f"{folder} has not ended"
            trials[one.name, fold.seed, fold.number] = trial
    return entrants, trials


def by_metric(entrants: Contest, trials: dict[Key, Trial], metric: str) -> dict[str, Any]:
    """Both methods and their paired difference in one metric, by the statistics of `compare`."""
    for context in entrants.contexts.values():
        context.task = copy.copy(context.task)
        context.task.primary_metric = metric
    transfer, scratch = Compared(entrants, trials, metric, entrants.folds.every[0].seed).entries()
    gain = transfer.over_scratch
    assert gain is not None, "there are at least two methods"
    return {
        "transfer": _told(transfer, metric),
        "scratch": _told(scratch, metric),
        "difference": _difference(gain),
        "units": len(set(entrants.folds.units.tolist())),
    }


def _told(entry: Entry, metric: str) -> dict[str, Any]:
    by_seed: dict[int, list[float]] = {}
    for trial in entry.trials:
        by_seed.setdefault(trial.seed, []).append(trial.value)
    interval = entry.metrics[metric]
    trials = [trial.value for trial in entry.trials]
    means = [sum(values) / len(values) for values in by_seed.values()]
    return {"value": interval.value, "low": interval.low, "high": interval.high, "seeds": means, "trials": trials}


def _difference(gain: Gain) -> dict[str, Any]:
    interval = gain.interval
    return {"value": interval.value, "low": interval.low, "high": interval.high, "p": gain.p, "finding": gain.finding}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", choices=list(CELLS), default=list(CELLS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of scenes.json and scenes.md")
    parser.add_argument("--quick", action="store_true", help="one epoch each, one seed")
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args(arguments)
    if options.quick and options.out == RESULTS:
        parser.error("--quick is no measurement: name another folder with --out")
    torch.set_num_threads(1)
    path = options.out / "scenes.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for cell in () if options.table else (CELLS[name] for name in options.cells if name not in results):
        seeds = 1 if options.quick else options.seeds
        chosen = dataclasses.replace(cell, epochs=(1, 1)) if options.quick else cell
        name = "-".join(map(str, (cell.name, seeds, *chosen.epochs)))
        try:
            found = measure(chosen, cache_folder() / "scenes" / "runs" / name, seeds)
        except UnavailableError as error:
            print(f"{cell.name} is skipped: {error}", flush=True)
            continue
        latest = json.loads(path.read_text()) if path.exists() else {}  # another process may do other cells
        results = {**latest, cell.name: found}
        options.out.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=1) + "\n")
        path.with_suffix(".md").write_text(table(results))
    print(table(results))


if __name__ == "__main__":
    main()
