"""Adaptation to a target without labels: digits of two origins, and DomainBed's Rotated and Colored MNIST.

    python -m benchmarks.adaptation digits --out FOLDER          # both directions, three seeds, each as one `adapt`
    python -m benchmarks.adaptation table_e --out FOLDER         # table E by a shorter protocol
    python -m benchmarks.adaptation table_e --out FOLDER --full  # DomainBed's: 5001 steps, all domains, three seeds
    python -m benchmarks.adaptation digits --out FOLDER --table  # what is there so far

A run that has ended is a line in FOLDER/NAME.jsonl and is not done again. The tables go to results/adaptation_NAME.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import domainbed
from benchmarks.datasets import draw
from benchmarks.sources import SOURCES, Pool
from warmstart.api.adapt import adapt

RESULTS = Path(__file__).parent / "results"
SEEDS = (0, 1, 2)
PAIRS = (("mnist", "digits"), ("digits", "mnist"))
SOURCE, TARGET = 400, 500
"""Images with labels, and images without; those of digits are 8 x 8 and drawn larger."""
METHODS = {
    "source_only": "source_only?epochs={epochs}",
    "probe": "probe",
    "gradual": "gradual?stage_epochs=1&epochs={epochs}",
    "adabn": "adabn?epochs={epochs}",
    "dann": "dann?epochs={epochs}",
    "coral": "coral?epochs={epochs}",
    "mcc": "mcc?epochs={epochs}",
}
Row = dict[str, Any]


def lines_of(path: Path) -> list[Row]:
    """The runs that have ended."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def keep(path: Path, row: Row) -> None:
    """Note that a run has ended."""
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps({k: v for k, v in row.items() if k != "criteria"}), flush=True)


def pool(name: str, count: int, seed: int) -> Pool:
    """Images of a set, as many of each class."""
    return draw(*SOURCES[name].read(), count, 10, seed)[0]


def digits(out: Path, options: argparse.Namespace) -> None:
    """Both directions at every seed; the labels of the target are given, and measure."""
    done = {(row["source"], row["target"], row["seed"]) for row in lines_of(out / "digits.jsonl")}
    methods = [text.format(epochs=options.epochs) for text in METHODS.values()]
    for seed in SEEDS:
        for source, target in PAIRS:
            if (source, target, seed) in done:
                continue
            data = [pool(name, count, seed) for name, count in ((source, SOURCE), (target, TARGET))]
            began = time.process_time()
            found = adapt(
                *((list(one.inputs), one.labels.astype(str)) for one in data),
                methods=methods,
                backbone="lite0",
                size=options.size,
                budget="3h",
                seed=seed,
                out=out / "runs" / f"{source}-{target}-{seed}-{time.time_ns()}",
                cache=out / "cache",
            ).outcome
            assert found.shift is not None
            names = dict(zip(methods, METHODS, strict=True))
            row = {
                "source": source,
                "target": target,
                "seed": seed,
                "shift": found.shift.strength,
                "accuracy": {names[r.name]: r.target and r.target.value for r in found.tried},
                "source_accuracy": {names[r.name]: r.val and r.val.value for r in found.tried},
                "seconds": {names[r.name]: round(r.seconds, 1) for r in found.tried},
                "criteria": {names[r.name]: r.criteria for r in found.tried},
                "picks": {c.name: names[c.picks] for c in found.choices},
                "oracle": names[str(found.oracle)],
                "epochs": options.epochs,
                "size": options.size,
                "cpu_seconds": round(time.process_time() - began, 1),
            }
            keep(out / "digits.jsonl", row)


def digits_table(rows: Sequence[Row]) -> str:
    """Mean over seeds with the standard deviation; and what every criterion would have reached."""
    text = []
    for source, target in PAIRS:
        mine = [row for row in rows if (row["source"], row["target"]) == (source, target)]
        if not mine:
            continue
        text += [
            f"### {source} to {target}, {len(mine)} seeds",
            "",
            "| method | target accuracy, % | against source_only | source accuracy, % | seconds |",
            "| --- | --- | --- | --- | --- |",
        ]
        for name in METHODS:
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
    parser.add_argument("what", choices=("digits", "table_e"))
    parser.add_argument("--out", type=Path, required=True, help="folder for finished runs")
    parser.add_argument("--full", action="store_true", help="table E by the protocol of DomainBed")
    parser.add_argument("--size", type=int, default=64, help="of digits, side in pixels")
    parser.add_argument("--epochs", type=int, default=10, help="of digits, of every method")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    protocol = domainbed.FULL if options.full else domainbed.SHORT
    parts: dict[str, tuple[Callable[..., None], Callable[[Sequence[Row]], str], str]] = {
        "digits": (digits, digits_table, "digits"),
        "table_e": (table_e, lambda rows: domainbed.table(rows, protocol), f"table_e_{protocol.name}"),
    }
    run, table, name = parts[options.what]
    if not options.table:
        run(options.out, options)
    text = table(lines_of(options.out / f"{name}.jsonl"))
    (RESULTS / f"adaptation_{name}.md").write_text(f"{text.rstrip()}\n")
    print(text)


if __name__ == "__main__":
    main()
