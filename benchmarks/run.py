"""warmstart against other tools on real images or texts, in one command: accuracy, time and what moved.

    python benchmarks/run.py                 # 1000 train, 2000 test, every set, every contender
    python benchmarks/run.py --probe         # a linear probe by every tool, Fashion-MNIST, three draws
    python benchmarks/run.py --whole         # a whole fit, 300 train, 1000 test, three sets, three draws
    python benchmarks/run.py --few-labels    # 100 labelled Fashion-MNIST images, three draws, frozen backbones
    python benchmarks/run.py --texts         # BBC News and IMDB, 8 labels a class to 2000 labels, the same MiniLM
    python benchmarks/run.py --quick         # does everything start and end well? The numbers mean nothing
    python benchmarks/run.py --quick-texts   # the same with texts

Trials are interleaved (A B C, A B C) and kept; one is run again only if its code has changed or `--fresh` is given.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

if not __package__:  # started as a file: imports begin at the repository, not at this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.contenders import CONTENDERS
from benchmarks.datasets import Prepared, prepare
from benchmarks.machine import machine
from benchmarks.packages import UnavailableError
from benchmarks.process import SETTINGS
from benchmarks.protocol import PYTHONS, Protocol, arguments
from benchmarks.table import markdown, summary
from benchmarks.trials import Trial, trial

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    protocol, args = arguments(__doc__)
    pythons = {"main": Path(sys.executable), **{kind: getattr(args, f"python_{kind}") for kind in PYTHONS}}
    contenders, skipped = present(protocol, pythons)
    print(f"contenders: {', '.join(contenders)}; sets: {', '.join(protocol.sets)}", flush=True)
    trials: list[Trial] = []
    for repeat, name, train in protocol.draws():
        try:
            prepared = prepare(name, train, protocol.test, repeat)
        except UnavailableError as reason:
            skipped[name] = str(reason)
            continue
        for contender in contenders:
            python = pythons[CONTENDERS[contender].python]
            trials.append(run_one(contender, prepared, repeat, protocol.words, python, args))
            write(protocol, trials, skipped)  # after each: a stopped benchmark has its table so far
    for name, why in skipped.items():
        print(f"skipped {name}: {why}")
    if trials:
        print("\n" + (RESULTS / f"{protocol.name}.md").read_text())
    return 1 if any(result.error for result in trials) or not trials else 0


IMPORTS = {"image": ("torch", "timm", "torchvision"), "text": ("torch", "transformers")}


def present(protocol: Protocol, pythons: dict[str, Path]) -> tuple[list[str], dict[str, str]]:
    """The contenders whose packages are there, and why the others are not. Imports once what all will import.

    The first import of torch after a boot reads it from the disk; no contender is to pay for the others here.
    """
    found, skipped = [], {}
    for name in protocol.contenders:
        contender = CONTENDERS[name]
        python = pythons[contender.python]
        modules = ", ".join((*IMPORTS[protocol.kind], "sklearn.linear_model", *contender.needs))
        try:
            command = [str(python), "-c", f"import {modules}"]
            subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **SETTINGS})
            found.append(name)
        except OSError as error:
            skipped[name] = f"interpreter {python.name}: {error.strerror}"
        except subprocess.CalledProcessError as error:
            why = error.stderr.strip().splitlines()[-1]
            skipped[name] = f"{why} (pip install -r benchmarks/requirements.txt, see benchmarks/README.md)"
    return found, skipped


def run_one(
    contender: str, prepared: Prepared, repeat: int, words: tuple[str, ...], python: Path, args: argparse.Namespace
) -> Trial:
    """One trial, with a line about it."""
    print(f"{prepared.source.name:8s} {prepared.train:5d} {contender:17s} draw {repeat}: ", end="", flush=True)
    result = trial(CONTENDERS[contender], prepared, repeat, words, python, timeout=args.timeout, fresh=args.fresh)
    print(result.error or f"accuracy {result.accuracy:.4f} in {result.seconds:.0f} s", flush=True)
    return result


def write(protocol: Protocol, trials: list[Trial], skipped: dict[str, str]) -> None:
    """Write `results/NAME.json` and `results/NAME.md`."""
    RESULTS.mkdir(exist_ok=True)
    rows = summary(trials, protocol.contenders[0])
    known = {
        "machine": machine(),
        "load before a trial, at most": f"{max(result.load_before for result in trials):.1f}",
        "versions": ", ".join(sorted({f"{k} {v}" for row in rows for k, v in row.get("versions", {}).items()})),
        "epochs of those that train by epochs": protocol.epochs,
    }
    if protocol.kind == "text":
        known |= {"tokens of a text": protocol.tokens, "time budget of those that take one": protocol.budget}
    kept = [{k: v for k, v in dataclasses.asdict(result).items() if k != "correct"} for result in trials]
    facts = {"protocol": dataclasses.asdict(protocol), "machine": known, "skipped": skipped, "summary": rows}
    (RESULTS / f"{protocol.name}.json").write_text(json.dumps({**facts, "trials": kept}, indent=1) + "\n")
    (RESULTS / f"{protocol.name}.md").write_text(markdown(facts))


if __name__ == "__main__":
    sys.exit(main())
