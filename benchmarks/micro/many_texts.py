"""Memory against the number of texts: short ones encoded by minilm into the disk cache, a process for each number.

The texts, their tokens and the addresses of what is stored are kept in memory, the features are not: those that were
read lie in mapped pages, which the system takes back when it needs them and which are told apart.
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
import torch
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

def own():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))

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
after, most = own(), peak()
for start in range(0, len(order), 64):
    rows[torch.arange(start, min(start + 64, len(order)))]
print(json.dumps({"seconds": seconds, "before": before, "MB": most, "own": after, "read": peak(), "stored": stored}))
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
        sizes = (f"{found[key]:.0f}" for key in ("stored", "before", "MB", "own", "read"))
        rows.append((str(count), f"{found['seconds']:.1f}", speed, *sizes))
    each = [figures[str(count)] for count in (counts[0], counts[-1])]
    (first, last), (own, more) = ([one[key][0] for one in each] for key in ("MB", "own"))
    further = counts[-1] - counts[0]
    notes = (
        f"{machine()}; minilm, {SIZE} tokens of runs of 12 words out of BBC News, batches of {BATCH}, one run of each",
        f"{counts[-1] // counts[0]} times the texts take {last / first:.2f} times the memory, "
        f"{2**20 * (last - first) / further:.0f} bytes for each further text, "
        f"{2**20 * (more - own) / further:.0f} of them the process's own; a text has "
        f"{sum(len(text) for text, _ in texts) / len(texts):.0f} characters",
        "own: what is in no file; read: the peak once all features were read, which mapped pages are part of",
    )
    header = ("texts", "s", "texts/s", "MB stored", "peak MB before", "peak MB after", "MB own after", "peak MB read")
    return Table("Memory against texts", header, tuple(rows), notes, figures)
