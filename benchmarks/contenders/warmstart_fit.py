"""`warmstart fit` from the command line with nothing chosen, its activation cache empty.

What counts is the time of that one process: imports, audit, every rung of the ladder, the test set and the report. The
predictions are then asked of the bundle in a second process, which a user who only wants the accuracy would not need.
Of texts it is told how many tokens to read, as everybody is, and a time budget.
"""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import job as jobs

if TYPE_CHECKING:
    from torch import nn


def said(command: list[str]) -> None:
    """Run it; if it fails, end with its code and its own message as the last words."""
    code = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    if code:
        raise SystemExit(code)


def pretrained(job: jobs.Job) -> nn.Module:
    """The backbone as everybody starts from it."""
    from benchmarks.contenders import lite0, minilm

    return lite0.backbone() if job.tokens is None else minilm.backbone()


def frozen(bundle: Path, original: nn.Module) -> dict[str, int]:
    """Compare the backbone inside a bundle with the pretrained one; what moved in any member of an ensemble counts."""
    import torch
    from safetensors.torch import load_file

    parameters = {name for name, _ in original.named_parameters()}
    moved = set()
    for member in sorted(bundle.glob("weights-*.safetensors")):
        found = load_file(member)
        for name, value in original.state_dict().items():
            twins = [tensor for key, tensor in found.items() if key == name or key.endswith(f".{name}")]
            if not any(twin.shape == value.shape and torch.equal(twin, value) for twin in twins):
                moved.add(name)
    return {
        "tensors": len(original.state_dict()),
        "parameters_moved": len(moved & parameters),
        "buffers_moved": len(moved - parameters),
    }


def main() -> None:
    parser = jobs.parser(__doc__)
    parser.add_argument("--recipe")
    args = parser.parse_args()
    job = jobs.job_of(args)
    program = str(Path(sys.executable).with_name("warmstart"))
    with tempfile.TemporaryDirectory() as folder:
        run, answers = Path(folder) / "run", Path(folder) / "answers.csv"
        command = [program, "fit", str(job.train.parent), "--out", str(run), "--seed", str(job.seed), "--json"]
        command += ["--cache", str(Path(folder) / "cache"), *(["--recipe", args.recipe] if args.recipe else [])]
        command += [] if job.tokens is None else ["--size", str(job.tokens)]
        command += [] if job.budget is None else ["--budget", job.budget]
        start = time.perf_counter()
        said(command)
        seconds = time.perf_counter() - start
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        files = job.test_files()
        command = [program, "predict", str(run / "bundle"), *map(str, files), "--out", str(answers), "--json"]
        said(command)
        with answers.open(encoding="utf-8-sig", newline="") as file:
            labels = [row["label"] for row in csv.DictReader(file)]  # a row per input, in order
        outcome = json.loads((run / "results.json").read_text(encoding="utf-8"))
        job.answer(
            zip(files, labels, strict=True),
            packages=["warmstart", "torch", "timm" if job.tokens is None else "transformers"],
            seconds=seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            frozen=frozen(run / "bundle", pretrained(job)),
            claimed_accuracy=outcome["test"]["accuracy"]["value"],
            chosen=outcome["chosen"],
            rungs={rung["name"]: round(rung["seconds"], 1) for rung in outcome["rungs"] if not rung["skipped"]},
        )


if __name__ == "__main__":
    main()
