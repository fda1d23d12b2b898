"""What it brings to keep freed buffers in the process (`warmstart.engine.allocator`): the same torch code both ways.

A process of its own each time, since the setting cannot be taken back.
"""

from __future__ import annotations

import functools

from benchmarks.micro.measure import Table, interleaved, machine, median, own_process

CODE = """
import json, sys, time, torch
from warmstart.engine.allocator import keep_buffers
from warmstart.model.catalog import load_backbone
kept = keep_buffers() if sys.argv[1] == "kept" else False
module = load_backbone("lite0").module
x = torch.randn(32, 3, 224, 224).contiguous(memory_format=torch.channels_last)

def rate(step, seconds=3.0):
    step()
    began, passes = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        step()
        passes += 1
    return 32 * passes / (time.perf_counter() - began)

def forward():
    with torch.inference_mode():
        module(x)

def train():
    module(x).square().mean().backward()

print(json.dumps({"features": rate(forward), "training": rate(train), "kept": float(kept)}))
"""


def run(repeats: int) -> Table:
    """Images per second of Lite0, forward and training."""
    names = {"glibc's defaults": "default", "buffers kept": "kept"}
    figures = interleaved(
        {name: functools.partial(own_process, "-c", CODE, word) for name, word in names.items()}, repeats, uncounted=0
    )
    base = {key: median(figures, "glibc's defaults", key) for key in ("features", "training")}
    rows = []
    for name in names:
        speeds = {key: median(figures, name, key) for key in base}
        rows.append((name, *(f"{speeds[key]:.0f} ({speeds[key] / base[key]:.2f} x)" for key in base)))
    notes = (f"{machine()}; Lite0, batches of 32 at 224 px, channels last, float32; medians of {repeats}",)
    return Table("Memory allocation", ("", "features, images/s", "training, images/s"), tuple(rows), notes, figures)
