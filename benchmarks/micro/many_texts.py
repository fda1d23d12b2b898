"""Memory against the number of texts: short ones encoded by minilm into the disk cache, a process for each number.

The texts, their tokens and the index of what is stored are kept in memory, the features are not.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.micro.articles import short_texts, write
from benchmarks.micro.measure import Table, machine, own_process

COUNTS, FEW = (10_000, 50_000, 100_000), (500, 1000, 2000)
SIZE, BATCH = 16, 64
CODE = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
from warmstart.cache.features import stored_activations
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import Split
from warmstart.data.sources import load
from warmstart.data.tokens import TokenStore
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.data import RunData
from warmstart.model.catalog import load_backbone
from warmstart.model.runtimes.base import version
from warmstart.preprocess.kinds import of_texts

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

keep_buffers()
backbone = load_backbone("minilm")
spec = of_texts(backbone.spec).with_size(int(sys.argv[3]))
dataset = load(sys.argv[1])
order = np.arange(len(dataset))
store = TokenStore(dataset, spec)
store.preload()
runtime = "openvino" if version("openvino") else "torch"
split = Split(order, order[:0], order[:0], how="all")
folder = Path(sys.argv[2])
data = RunData(dataset, split, store, spec, ActivationStore(folder), runtime=runtime, batch=int(sys.argv[4]))
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
    texts = short_texts(counts[-1])
    figures, rows = {}, []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            path = write(texts[:count], Path(folder) / "texts.csv")
            found = own_process("-c", CODE, str(path), f"{folder}/cache", str(SIZE), str(BATCH))
        figures[str(count)] = {key: [value] for key, value in found.items()}
        speed = f"{count / found['seconds']:.0f}"
        sizes = (f"{found[key]:.0f}" for key in ("stored", "before", "MB"))
        rows.append((str(count), f"{found['seconds']:.1f}", speed, *sizes))
    first, last = (figures[str(count)]["MB"][0] for count in (counts[0], counts[-1]))
    notes = (
        f"{machine()}; minilm, {SIZE} tokens of runs of 12 words out of BBC News, batches of {BATCH}, one run of each",
        f"{counts[-1] // counts[0]} times the texts take {last / first:.2f} times the memory, "
        f"{1e6 * (last - first) / (counts[-1] - counts[0]):.0f} bytes for each further text",
    )
    header = ("texts", "s", "texts/s", "MB stored", "peak MB before", "peak MB after")
    return Table("Memory against texts", header, tuple(rows), notes, figures)
