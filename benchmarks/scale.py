"""What planning for very many images rests on: what one of them costs, and how memory grows with their number.

    python -m benchmarks.scale --out benchmarks/results/planning_at_scale

Writes OUT.json and OUT.md, which `docs/planning-at-scale.md` quotes. Everything is measured on one thread, in processes
of their own where peaks of memory are. `--fits` adds whole runs of `fit` on 1, 4 and 16 times the images, `--only NAME`
measures one part and keeps the others of the file.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from PIL import Image

from benchmarks.micro.measure import machine, own_process
from warmstart.api.inputs.prepare import backbone_at
from warmstart.cache.computing import prepared
from warmstart.cache.store import ActivationStore
from warmstart.cache.wanted import BATCH
from warmstart.data.scan import look
from warmstart.data.sources import load
from warmstart.model.activation import sample_bytes
from warmstart.model.modes import evaluating
from warmstart.model.runtimes.base import UnavailableError
from warmstart.planning.storage import COLUMNS, cut_costs, cut_rows
from warmstart.preprocess.image import decode_for, fit_size, normalise

Figures = dict[str, Any]
PHOTO, FILES, PHOTOS = (500, 375), 20_000, 64
WIDTH, CLASSES = 1280, 10
COUNTS, WHOLE = (2500, 10_000), (2500,)
"""Rows of features that heads are fitted on in blocks, and held."""
LIMIT = "1.6GB"
HEADS = ("blend", "ridge", "lda", "logistic")
HEAD = """
import json, resource, sys, time
from pathlib import Path
import numpy as np, torch
from warmstart.cache.store import ActivationStore
from warmstart.engine.heads.base import Problem, closed_form
from warmstart.engine.heads.blocks.registry import in_blocks
from warmstart.engine.heads.blocks.standard import BlockProblem

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

name, n, width, classes, blocks, folder = sys.argv[1], *map(int, sys.argv[2:6]), Path(sys.argv[6])
rng = np.random.default_rng(0)
labels, centres = np.arange(n) % classes, rng.normal(size=(classes, width)).astype(np.float32)
store = ActivationStore(folder, budget_bytes=2**40, mapped_bytes=4 * 2**20)
for start in range(0, n, 2048):
    own = labels[start : start + 2048]
    rows = 0.3 * centres[own] + rng.normal(size=(len(own), width)).astype(np.float32)
    store.put("0" * 64, [f"{i:064d}" for i in range(start, start + len(own))], torch.from_numpy(rows))
rows = store.rows("0" * 64, [f"{i:064d}" for i in range(n)], (width,))
small = torch.randn(60, width)
fit = (lambda p: in_blocks[name](p)) if blocks else (lambda p: closed_form[name](p))
make = BlockProblem.of if blocks else Problem.of
fit(make(small, np.arange(60) % 2, 2))  # what is loaded at the first time is no part of it
before, began = resident(), time.process_time()
found = fit(make(rows if blocks else rows[torch.arange(n)], labels, classes))
seconds, peak = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": seconds, "grown": peak - before, "features": 4 * n * width,
                  "accuracy": found.choice["accuracy"]}))
"""
FIT = """
import json, resource, sys, time
from pathlib import Path
from warmstart.api.fit import fit
folder, most = Path(sys.argv[2]), sys.argv[4] or None
began = time.perf_counter()
options = {"recipe": "probe", "size": int(sys.argv[3]), "budget": "2h", "track": "none"}
found = fit(sys.argv[1], out=folder / "run", cache=folder / "cache", max_memory=most, **options)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
probe = next(rung for rung in found.outcome.rungs if rung.name == "probe")
print(json.dumps({"seconds": time.perf_counter() - began, "peak": peak, "accuracy": probe.val["accuracy"]}))
"""


def photo(rng: np.random.Generator, size: tuple[int, int], tint: np.ndarray[Any, Any] | float = 0.0) -> Image.Image:
    """Noise that is smooth, as photos are."""
    low = np.clip(rng.normal(128, 60, (12, 16, 3)) + tint, 0, 255).astype(np.uint8)
    return Image.fromarray(low).resize(size, Image.Resampling.BICUBIC)


def samples() -> Figures:
    """Bytes of Python for each sample of a folder, and for the look at its image."""
    with tempfile.TemporaryDirectory() as folder:
        for c in range(100):
            (Path(folder) / f"class-{c:02d}").mkdir()
        for i in range(FILES):
            (Path(folder) / f"class-{i % 100:02d}" / f"IMG_{i:08d}.JPEG").touch()
        spec = backbone_at("lite0", None, 0).preprocess
        load(folder, kind="image")  # what is imported at the first time is no part of it
        tracemalloc.start()
        began = time.process_time()
        dataset = load(folder, kind="image")
        seconds, held = time.process_time() - began, tracemalloc.get_traced_memory()[0]
    rng = np.random.default_rng(0)
    before = tracemalloc.get_traced_memory()[0]
    photos = (photo(rng, (64, 48)) for _ in range(300))
    looks = [look(image, decode_for(image, spec)) for image in photos]
    each = (tracemalloc.get_traced_memory()[0] - before) / len(looks)
    tracemalloc.stop()
    return {"sample": held / len(dataset), "look": each, "listed_per_second": len(dataset) / seconds}


def _rate(work: Callable[[], int], seconds: float = 2.0) -> float:
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        done += work()
    return done / (time.perf_counter() - began)


def stages() -> Figures:
    """Images per second and thread of each stage, in CPU seconds where other processes share the cores."""
    backbone, rng = backbone_at("lite0", None, 0), np.random.default_rng(0)
    spec, chain = backbone.preprocess, backbone.chain
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{i}.jpg" for i in range(PHOTOS)]
        for path in paths:
            photo(rng, PHOTO).save(path, quality=90)
        found: Figures = {"jpeg_bytes": sum(path.stat().st_size for path in paths) / PHOTOS}
        found["decode"] = _cpu_rate(lambda: len([fit_size(decode_for(path, spec), spec) for path in paths]))
        pixels = [fit_size(decode_for(path, spec), spec) for path in paths[:BATCH]]
        batch, last = normalise(pixels, spec), len(chain) - 1
        for runtime in ("torch", "openvino"):
            try:
                with evaluating(chain.module), torch.inference_mode():
                    extract = prepared(runtime, chain, (last,), spec.size)
                    found[runtime] = _cpu_rate(lambda extract=extract: len(extract(batch)[0]))  # type: ignore[misc]
            except UnavailableError:
                found[runtime] = None
        store = ActivationStore(Path(folder) / "cache", budget_bytes=2**40)
        rows, keys = torch.randn(4096, WIDTH), [f"{i:064d}" for i in range(4096)]
        spaces = iter(f"{i:064d}" for i in range(10**6))
        found["store"] = _rate(lambda: len(store.put(next(spaces), keys, rows).rows))
        out = torch.empty(4096, WIDTH)
        found["read"] = _rate(lambda: len(out) - len(store.fetch("0" * 64, keys, out)))
        files = [path for path in (Path(folder) / "cache").rglob("*") if path.is_file()]
        found["stored_bytes"] = sum(path.stat().st_size for path in files) / (4096 * len(files))
    return found


def _cpu_rate(work: Callable[[], int], seconds: float = 2.0) -> float:
    """Per second of this process' own, so that what else runs on the machine does not count."""
    work()
    began, done = time.process_time(), 0
    while time.process_time() - began < seconds:
        done += work()
    return done / (time.process_time() - began)


def storage() -> Figures:
    """Bytes per image that the activations at each cut take, in each format."""
    backbone = backbone_at("lite0", None, 0)
    features = backbone.chain.activation_shape(len(backbone.chain) - 1, backbone.spec.size)
    return {
        "cuts": [list(row) for row in cut_rows(cut_costs(backbone, 10**8, backbone.spec.size))],
        "features": {dtype: sample_bytes(features, dtype) for dtype in ("fp32", "bf16", "int8")},  # type: ignore[arg-type]
        "pixels": 3 * backbone.spec.size**2,
    }


def heads() -> Figures:
    """CPU seconds and growth of memory of each head, in blocks and held."""
    found: Figures = {}
    for name in HEADS:
        for blocks, counts in ((1, COUNTS), (0, WHOLE)):
            for n in counts:
                with tempfile.TemporaryDirectory() as folder:
                    words = (name, *map(str, (n, WIDTH, CLASSES, blocks)), folder)
                    found[f"{name} {'blocks' if blocks else 'whole'} {n}"] = own_process("-c", HEAD, *words)
    return found


def fits() -> Figures:
    """Whole runs on 1, 4 and 16 times the images, with a limit and without."""
    found: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        rng, written = np.random.default_rng(0), 0
        tints = rng.normal(0, 40, (CLASSES, 3))
        for count in (1000, 4000, 16_000):
            for i in range(written, count):
                place = Path(folder) / "data" / str(i % CLASSES)
                place.mkdir(parents=True, exist_ok=True)
                photo(rng, (32, 32), tints[i % CLASSES]).save(place / f"{i}.png", compress_level=1)
            written = count
            for limit in (LIMIT, ""):
                name = f"{count}, {limit or 'no limit'}"
                where = Path(folder) / name
                where.mkdir()
                found[name] = own_process("-c", FIT, f"{folder}/data", str(where), "32", limit)
                print(name, found[name], flush=True)
    return found


PARTS: dict[str, Callable[[], Figures]] = {"samples": samples, "stages": stages, "storage": storage, "heads": heads}


def markdown(figures: Figures) -> str:
    """The figures as tables."""
    lines = ["### What an image costs", "", f"- {figures['machine']}", f"- load at the time: {figures['load']}", ""]
    if "samples" in figures:
        found = figures["samples"]
        lines += [f"- a sample takes {found['sample']:.0f} bytes of Python, the look at it {found['look']:.0f} bytes"]
    if "stages" in figures:
        found = figures["stages"]
        lines += ["", "| stage | images/s and thread |", "| --- | --- |"]
        lines += [
            f"| {name} | {found[name]:.0f} |"
            for name in ("decode", "torch", "openvino", "store", "read")
            if found[name]
        ]
    if "storage" in figures:
        lines += ["", "10^8 images at each cut:", "", f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"]
        lines += [f"| {' | '.join(row)} |" for row in figures["storage"]["cuts"]]
    for part, header in (("heads", "head, how, rows"), ("fits", "images, limit")):
        if part not in figures:
            continue
        memory = "grown" if part == "heads" else "peak"
        lines += ["", f"| {header} | s | MB {memory} | of the features |", "| --- | --- | --- | --- |"]
        for name, row in figures[part].items():
            share = f"{row[memory] / row['features']:.2f}" if "features" in row else "-"
            lines.append(f"| {name} | {row['seconds']:.1f} | {row[memory] / 1e6:.0f} | {share} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=[*PARTS, "fits"])
    parser.add_argument("--fits", action="store_true")
    given = parser.parse_args()
    file = given.out.with_suffix(".json")
    figures: Figures = json.loads(file.read_text()) if file.exists() else {}
    figures |= {"machine": machine(), "load": f"{os.getloadavg()[0]:.0f} processes wanted {os.cpu_count()} cores"}
    wanted = [given.only] if given.only else [*PARTS, *(["fits"] if given.fits else [])]
    for name in wanted:
        figures[name] = fits() if name == "fits" else PARTS[name]()
        file.write_text(json.dumps(figures, indent=1) + "\n")
        given.out.with_suffix(".md").write_text(markdown(figures))


if __name__ == "__main__":
    main()
