"""Cost against data: the probe on 1000, 4000 and 16000 images, in processes of their own, with the disk cache."""

from __future__ import annotations

import tempfile

from benchmarks.datasets import prepare
from benchmarks.micro.measure import Table, machine, own_process

COUNTS = (1000, 4000, 16000)
SIZE = 96
CODE = """
import json, resource, sys, time
from pathlib import Path
from warmstart.api.fit import fit
began = time.perf_counter()
folder = Path(sys.argv[2])
options = {"recipe": "probe", "size": int(sys.argv[3]), "budget": "1h", "test": 0.0, "baseline": "none"}
result = fit(sys.argv[1], out=folder / "run", cache=folder / "cache", **options)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"seconds": time.perf_counter() - began, "MB": peak, **result.outcome.times}))
"""


def run(repeats: int) -> Table:  # noqa: ARG001 (each size once: the larger ones take minutes)
    """Seconds and peak memory."""
    figures = {str(count): {key: [value] for key, value in once(count).items()} for count in COUNTS}
    rows = []
    for name, found in figures.items():
        seconds, peak = found["seconds"][0], found["MB"][0]
        rows.append((name, f"{seconds:.1f}", f"{1000 * seconds / int(name):.1f}", f"{peak:.0f}"))
    notes = (f"{machine()}; Lite0 at {SIZE} px, Fashion-MNIST as PNG files, `fit --recipe probe`, one run of each",)
    header = ("images", "s", "ms an image", "peak MB")
    return Table("Cost against data", header, tuple(rows), notes, figures)


def once(count: int) -> dict[str, float]:
    """One process."""
    prepared = prepare("fashion", count, 100, 0)
    with tempfile.TemporaryDirectory() as folder:
        return own_process("-c", CODE, str(prepared.root / "train"), folder, str(SIZE))
