"""Memory against the number of windows: recordings mapped from the disk, cut, and encoded into the disk cache.

A process for each number.

Where each window lies and the index of what is stored are kept in memory; neither values nor features are.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.micro.measure import Table, machine, own_process

COUNTS, FEW = (10_000, 50_000, 100_000), (1000, 2000, 4000)
SIZE, BATCH, EACH = 128, 64, 500
"""Steps of a window, windows a batch, windows of a recording."""
BACKBONE = "toy_series"
CODE = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
from warmstart.cache.features import stored_activations
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import Split
from warmstart.data.sources import load
from warmstart.data.signals import SeriesStore
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.data import RunData
from warmstart.model.catalog import load_backbone
from warmstart.preprocess.kinds import of_series

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

keep_buffers()
backbone = load_backbone(sys.argv[5])
spec = of_series(backbone.spec)
spec = spec if backbone.card.fixed_size else spec.with_size(int(sys.argv[3]))
dataset = load(sys.argv[1], window=int(sys.argv[3]))
order = np.arange(len(dataset))
store = SeriesStore(dataset, spec)
split = Split(order, order[:0], order[:0], how="all")
folder = Path(sys.argv[2])
data = RunData(dataset, split, store, spec, ActivationStore(folder), batch=int(sys.argv[4]))
before, began = peak(), time.perf_counter()
rows = stored_activations(data.wanted(backbone.chain), -1, order)
seconds = time.perf_counter() - began
assert len(rows) == len(order)
stored = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20
print(json.dumps({"seconds": seconds, "before": before, "MB": peak(), "stored": stored}))
"""


def run(repeats: int, *, quick: bool = False) -> Table:  # noqa: ARG001 (each number once: the largest takes minutes)
    """Seconds, and the peak of memory before and after."""
    counts = FEW if quick else COUNTS
    figures, rows = {}, []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            recordings(Path(folder) / "recordings", count)
            found = own_process("-c", CODE, f"{folder}/recordings", f"{folder}/cache", str(SIZE), str(BATCH), BACKBONE)
        figures[str(count)] = {key: [value] for key, value in found.items()}
        speed = f"{count / found['seconds']:.0f}"
        sizes = (f"{found[key]:.0f}" for key in ("stored", "before", "MB"))
        rows.append((str(count), f"{found['seconds']:.1f}", speed, *sizes))
    first, last = (figures[str(count)]["MB"][0] for count in (counts[0], counts[-1]))
    notes = (
        f"{machine()}; {BACKBONE}, windows of {SIZE} steps of recordings of {EACH * SIZE} steps (a file each), "
        f"batches of {BATCH}, one run of each",
        f"{counts[-1] // counts[0]} times the windows take {last / first:.2f} times the memory, "
        f"{1e6 * (last - first) / (counts[-1] - counts[0]):.0f} bytes for each further window",
    )
    header = ("windows", "s", "windows/s", "MB stored", "peak MB before", "peak MB after")
    return Table("Memory against windows", header, tuple(rows), notes, figures)


def recordings(folder: Path, windows: int) -> None:
    """A folder for each of two classes, with recordings of `EACH` windows: walks, and walks with a tone."""
    rng = np.random.default_rng(0)
    for number in range(windows // EACH):
        kind = ("calm", "humming")[number % 2]
        steps = np.cumsum(rng.normal(size=EACH * SIZE))
        tone = np.sin(0.3 * np.arange(EACH * SIZE)) if kind == "humming" else 0.0
        (folder / kind).mkdir(parents=True, exist_ok=True)
        np.save(folder / kind / f"{number}.npy", (steps + 5 * tone).astype(np.float32))
