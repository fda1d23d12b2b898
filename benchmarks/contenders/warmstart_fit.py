"""`warmstart fit` from the command line with nothing chosen, its activation cache empty.

What counts is the time of that one process: imports, audit, every rung of the ladder, the test set and the report. The
predictions are then asked of the bundle in a second process, which a user who only wants the accuracy would not need.
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

from benchmarks.contenders import job as jobs


def said(command: list[str]) -> None:
    """Run it; if it fails, end with its code and its own message as the last words."""
    code = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    if code:
        raise SystemExit(code)


def frozen(bundle: Path) -> dict[str, int]:
    """Compare the backbone inside a bundle with the pretrained one; what moved in any member of an ensemble counts."""
    import torch
    from safetensors.torch import load_file

    from benchmarks.contenders.lite0 import backbone

    original = backbone()
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
        start = time.perf_counter()
        said(command)
        seconds = time.perf_counter() - start
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        files = job.test_files()
        command = [program, "predict", str(run / "bundle"), *map(str, files), "--csv", str(answers), "--json"]
        said(command)
        with answers.open(encoding="utf-8-sig", newline="") as file:
            labels = [row["label"] for row in csv.DictReader(file)]  # a row per input, in order
        outcome = json.loads((run / "results.json").read_text(encoding="utf-8"))
        job.answer(
            zip(files, labels, strict=True),
            packages=["warmstart", "torch", "timm"],
            seconds=seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            frozen=frozen(run / "bundle"),
            claimed_accuracy=outcome["test"]["accuracy"]["value"],
            chosen=outcome["chosen"],
            rungs={rung["name"]: round(rung["seconds"], 1) for rung in outcome["rungs"] if not rung["skipped"]},
        )


if __name__ == "__main__":
    main()
