"""Adaptation to a target without labels: digits of two origins, and DomainBed's Rotated and Colored MNIST.

    python -m benchmarks.adaptation digits          # both directions, three seeds, each as one `adapt`
    python -m benchmarks.adaptation lite0           # the same from pretrained weights, frozen but the top
    python -m benchmarks.adaptation lite0 --methods gradual --pairs "mnist to digits"     # some of it
    python -m benchmarks.adaptation table_e         # table E by a shorter protocol
    python -m benchmarks.adaptation table_e --full  # DomainBed's: 5001 steps, all domains, three seeds
    python -m benchmarks.adaptation digits --table  # what is there so far

A run that has ended is a line in FOLDER/NAME.jsonl (`--out FOLDER`) and is not done again. The tables go to
results/adaptation_NAME.md; of some methods, beside `source_only`, to results/adaptation_NAME_METHODS.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import domainbed
from benchmarks.datasets import draw
from benchmarks.packages import cache_folder
from benchmarks.sources import SOURCES, Pool
from warmstart.api.adapt import adapt
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import GradientStep
from warmstart.recipe.recipe import Recipe

RESULTS = Path(__file__).parent / "results"
SEEDS = (0, 1, 2)
PAIRS = (("mnist", "digits"), ("digits", "mnist"))
SOURCE, TARGET = 1000, 800
"""Images with labels, a fifth of them held out, and images without."""
BATCH, LR = 64, 1e-2
"""Of the network without pretraining."""
METHODS = ("source_only", "gradual", "adabn", "dann", "cdan", "dan", "coral", "mdd", "mcc", "shot", "selftrain")
"""In the order of the tables."""
Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Setting:
    """One network, and the methods that are run on it."""

    name: str
    backbone: str
    size: int
    source: int
    target: int
    recipes: Callable[[int], list[Recipe]]
    pairs: tuple[tuple[str, str], ...] = PAIRS


def lines_of(path: Path) -> list[Row]:
    """The runs that have ended."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def keep(path: Path, row: Row) -> None:
    """Note that a run has ended."""
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps({k: v for k, v in row.items() if k != "criteria"}), flush=True)


def pool(name: str, count: int, seed: int) -> Pool:
    """Images of a set, as many of each class; those that are corrupted are of its published test part."""
    name, _, corruption = name.partition(" ")
    first, second = SOURCES[name].read()
    if not corruption:
        return draw(first, second, count, 10, seed)[0]
    assert second is not None, "the images of the two origins are others"
    found = draw(second, None, count, 10, seed)[0]
    return Pool(CORRUPTIONS[corruption](found.inputs, np.random.default_rng(seed)), found.labels)


def noisy(images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Gaussian noise of severity 5 as CIFAR-10-C has it (Hendrycks & Dietterich 2019)."""
    return (255 * np.clip(images / 255 + rng.normal(scale=0.10, size=images.shape), 0, 1)).astype(np.uint8)


def pale(images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:  # noqa: ARG001 (as the others)
    """Contrast of severity 5, likewise: a share of .15 of the distance to each channel's mean."""
    means = images.mean((1, 2), keepdims=True) / 255
    found: NDArray[np.uint8] = (255 * np.clip((images / 255 - means) * 0.15 + means, 0, 1)).astype(np.uint8)
    return found


CORRUPTIONS = {"noise": noisy, "contrast": pale}


def recipe(name: str, epochs: int) -> Recipe:
    """The method with all blocks trained, under the statistics of the batches; the same epochs for each."""
    options = {"epochs": epochs, "lr": LR, "batch_size": BATCH}
    options |= {"stage_epochs": max(1, epochs // 8)} if name == "gradual" else {"from_block": 0}
    made = load_recipe(name, **options)
    steps = [s.model_copy(update={"norm": "train"}) if isinstance(s, GradientStep) else s for s in made.steps]
    return made.model_copy(update={"name": name, "steps": tuple(steps)})


def frozen(name: str, epochs: int) -> Recipe:
    """The method as its recipe has it: the last two blocks trained over activations that are stored."""
    stages = {"stage_epochs": max(1, epochs // 4)} if name == "gradual" else {}
    return load_recipe(name, epochs=epochs, **stages).model_copy(update={"name": name})


SETTINGS = {
    "digits": Setting(
        "digits",
        "toy",
        16,
        SOURCE,
        TARGET,
        lambda epochs: [recipe(name, epochs) for name in ("source_only", "gradual", "adabn", "dann", "mcc")],
    ),
    "lite0": Setting(
        "lite0",
        "lite0",
        64,
        SOURCE // 2,
        TARGET // 2,
        lambda epochs: [
            frozen(name, epochs) for name in ("source_only", "gradual", "adabn", "dann", "cdan", "mdd", "mcc", "shot")
        ],
        (("mnist", "digits"), ("cifar10", "cifar10 noise"), ("cifar10", "cifar10 contrast")),
    ),
}


def some_of(setting: Setting, methods: Sequence[str] | None, pairs: Sequence[str] | None) -> Setting:
    """The setting with some of its methods, beside `source_only`, and some of its pairs."""
    if methods:
        wanted, every = ("source_only", *methods), setting.recipes
        setting = dataclasses.replace(
            setting,
            name="_".join((setting.name, *methods)),
            recipes=lambda epochs: [one for one in every(epochs) if one.name in wanted],
        )
    named = {" to ".join(pair): pair for pair in setting.pairs}
    return dataclasses.replace(setting, pairs=tuple(named[name] for name in pairs or named))


def digits(out: Path, options: argparse.Namespace, setting: Setting) -> None:
    """Both directions at every seed; the labels of the target are given, and measure."""
    path = out / f"{setting.name}.jsonl"
    done = {(row["source"], row["target"], row["seed"]) for row in lines_of(path)}
    for source, target in setting.pairs:
        for seed in SEEDS:
            if (source, target, seed) in done:
                continue
            data = [pool(name, count, seed) for name, count in ((source, setting.source), (target, setting.target))]
            folder = out / "runs" / f"{setting.name}-{source}-{target}-{seed}".replace(" ", "-")
            began = time.process_time()
            found = adapt(
                *((list(one.inputs), one.labels.astype(str)) for one in data),
                methods=setting.recipes(options.epochs),
                backbone=setting.backbone,
                size=setting.size,
                budget="3h",
                seed=seed,
                cache=out / "cache",
                out=None if folder.exists() else folder,
                resume=folder if folder.exists() else None,
            ).outcome
            assert found.shift is not None
            row = {
                "source": source,
                "target": target,
                "seed": seed,
                "shift": found.shift.strength,
                "accuracy": {one.name: one.target and one.target.value for one in found.tried},
                "source_accuracy": {one.name: one.val and one.val.value for one in found.tried},
                "seconds": {one.name: round(one.seconds, 1) for one in found.tried},
                "criteria": {one.name: one.criteria for one in found.tried},
                "picks": {choice.name: choice.picks for choice in found.choices},
                "oracle": found.oracle,
                "epochs": options.epochs,
                "cpu_seconds": round(time.process_time() - began, 1),
            }
            keep(path, row)


def digits_table(rows: Sequence[Row]) -> str:
    """Mean over seeds with the standard deviation; and what every criterion would have reached."""
    text = []
    for source, target in dict.fromkeys((row["source"], row["target"]) for row in rows):
        mine = [row for row in rows if (row["source"], row["target"]) == (source, target)]
        text += [
            f"### {source} to {target}, {len(mine)} seeds",
            "",
            "| method | target accuracy, % | against source_only | source accuracy, % | seconds |",
            "| --- | --- | --- | --- | --- |",
        ]
        for name in (one for one in METHODS if one in mine[0]["accuracy"]):
            values = [100 * row["accuracy"][name] for row in mine]
            gains = [100 * (row["accuracy"][name] - row["accuracy"]["source_only"]) for row in mine]
            own = [100 * row["source_accuracy"][name] for row in mine]
            spent = np.mean([row["seconds"][name] for row in mine])
            text.append(f"| {name} | {_spread(values)} | {_spread(gains, '+')} | {np.mean(own):.1f} | {spent:.0f} |")
        best = [100 * row["accuracy"][row["oracle"]] for row in mine]
        text.append(f"| *oracle, chosen with labels* | {_spread(best)} | | | |")
        for criterion in ("snd", "entropy", "mano", "dev"):
            reached = [100 * row["accuracy"][row["picks"][criterion]] for row in mine]
            picked = ", ".join(row["picks"][criterion] for row in mine)
            text.append(f"| *chosen by {criterion}: {picked}* | {_spread(reached)} | | | |")
        text.append("")
    return "\n".join(text)


def _spread(values: Sequence[float], sign: str = "") -> str:
    sd = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):{sign}.1f}{sd}"


def table_e(out: Path, options: argparse.Namespace) -> None:
    """Every data set, held-out domain, method and seed."""
    protocol = domainbed.FULL if options.full else domainbed.SHORT
    path = out / f"table_e_{protocol.name}.jsonl"
    done = {(row["data"], row["held_out"], row["method"], row["seed"]) for row in lines_of(path)}
    for one in domainbed.cells(protocol):
        if (one.data, one.held_out, one.method, one.seed) not in done:
            keep(path, domainbed.run(one, protocol))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, and write the table."""
    parser = argparse.ArgumentParser(description="Adaptation to a target without labels.")
    parser.add_argument("what", choices=(*SETTINGS, "table_e"))
    parser.add_argument("--out", type=Path, default=cache_folder() / "adaptation", help="folder for finished runs")
    parser.add_argument("--full", action="store_true", help="table E by the protocol of DomainBed")
    parser.add_argument("--epochs", type=int, default=15, help="of digits, of every method")
    parser.add_argument("--methods", nargs="+", choices=METHODS[1:], help="of digits and lite0: some, in a table apart")
    parser.add_argument("--pairs", nargs="+", help="likewise, as they are called: 'mnist to digits'")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    protocol = domainbed.FULL if options.full else domainbed.SHORT
    where = some_of(SETTINGS.get(options.what, SETTINGS["digits"]), options.methods, options.pairs)
    run: Callable[..., None] = table_e
    table: Callable[[Sequence[Row]], str] = functools.partial(domainbed.table, protocol=protocol)
    name = f"table_e_{protocol.name}"
    if options.what in SETTINGS:
        run, table, name = functools.partial(digits, setting=where), digits_table, where.name
    if not options.table:
        run(options.out, options)
    text = table(lines_of(options.out / f"{name}.jsonl"))
    (RESULTS / f"adaptation_{name}.md").write_text(f"{text.rstrip()}\n")
    print(text)


if __name__ == "__main__":
    main()
