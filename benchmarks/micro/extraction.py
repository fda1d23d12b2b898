"""Features of a frozen network per second: torch as tutorials run it, and each runtime as warmstart runs it.

Every measurement is a process of its own, so that torch is met with the allocator's defaults, as its users have it, and
once more with freed buffers kept (`warmstart.engine.allocator`), as warmstart has it. Tutorials take batches of 32;
what warmstart would run is shown at the best of several.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib
import json
import time
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.micro.measure import Figures, Run, Table, interleaved, machine, median, own_process
from warmstart.cache.computing import prepared
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.extraction import difference
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.modes import evaluating
from warmstart.model.runtimes.base import runtimes, version
from warmstart.planning.peak import Peak, measure_peak
from warmstart.planning.profile import profile

MODULE = "benchmarks.micro.extraction"
SIZE, SECONDS = 224, 2.0
TUTORIAL, BATCHES = (32,), (8, 16, 32, 64)
EAGER = "torch eager"
NETWORKS: dict[str, Callable[[], Backbone]] = {
    "lite0": lambda: load_backbone("lite0"),
    "resnet50": lambda: load_backbone("timm:resnet50", pretrained=False),  # weights at random: the speed is that of any
}


@dataclasses.dataclass(frozen=True)
class Way:
    """One way to compute features; `runtime` is one of warmstart's, or empty for the module as it is."""

    runtime: str = ""
    batches: tuple[int, ...] = BATCHES
    kept: bool = True


def ways() -> dict[str, Way]:
    """All that can be had here, by name."""
    found = {EAGER: Way(batches=TUTORIAL, kept=False), f"{EAGER}, buffers kept": Way(batches=TUTORIAL)}
    for name in filter(version, runtimes):
        found["torch, channels last" if name == "torch" else f"{name} {version(name)}"] = Way(name)
    return found


def run(repeats: int) -> Table:
    """Both networks, each in its own turns."""
    rows, figures, notes = [], Figures(), [f"{machine()}; {SIZE} px, float32; medians of {repeats}, a process each"]
    for name, load in NETWORKS.items():
        backbone = load()
        flops = profile(backbone, 0, len(backbone.chain.cuts) - 1, SIZE).flops
        before = peak()
        runs: dict[str, Run] = {
            key: functools.partial(own_process, "-m", MODULE, name, json.dumps(dataclasses.asdict(way)))
            for key, way in ways().items()
        }
        found = interleaved(runs, repeats, uncounted=0)
        most = max(before, peak(), key=lambda measured: measured.flops)
        rows += [_row(name, key, found, most.share(flops)) for key in runs]
        figures |= {f"{name} {key}": value for key, value in found.items()}
        notes += [
            f"{name}: {flops / 1e9:.2f} GFLOP an image; the peak is a float32 matrix product's by {most.library}, "
            f"{most.flops / 1e9:.0f} GFLOP/s on {most.threads} threads"
        ]
    notes += [f"{name} not measured: not installed" for name in runtimes if not version(name)]
    header = ("network", "runtime", "batch", "images/s", "x eager", "of the peak", "difference")
    return Table("Frozen extraction", header, tuple(rows), tuple(notes), figures)


def peak() -> Peak:
    """Of every library that is installed here."""
    if version("openvino"):
        importlib.import_module("openvino")
    return measure_peak(5.0)


def _row(network: str, key: str, found: Figures, share: float) -> tuple[str, ...]:
    """`share` of the peak is what one image per second takes."""
    speeds = {batch: median(found, key, batch) for batch in found[key] if batch != "difference"}
    batch = max(speeds, key=speeds.__getitem__)
    faster = speeds[batch] / median(found, EAGER, str(TUTORIAL[0]))
    last = f"{speeds[batch] * share:.0%}", f"{median(found, key, 'difference'):.0e}"
    return (network, key, batch, f"{speeds[batch]:.0f}", f"{faster:.2f}", *last)


def main() -> None:
    """What such a process does: images per second by batch size, and the outputs' difference from eager's."""
    parser = argparse.ArgumentParser()
    parser.add_argument("network")
    parser.add_argument("way", type=lambda text: Way(**json.loads(text)))
    args = parser.parse_args()
    way: Way = args.way
    if way.kept:
        keep_buffers()
    chain = NETWORKS[args.network]().chain
    torch.manual_seed(0)
    with evaluating(chain.module), torch.inference_mode():
        extract: Callable[[Tensor], Tensor] = chain.module
        if way.runtime:
            ready = prepared(way.runtime, chain, (len(chain.cuts) - 1,), SIZE)
            extract = lambda x: ready(x)[0]  # noqa: E731
        found = {str(batch): rate(extract, torch.randn(batch, 3, SIZE, SIZE)) for batch in way.batches}
        x = torch.randn(8, 3, SIZE, SIZE)
        found["difference"] = difference(extract(x), chain.module(x))
    print(json.dumps(found))


def rate(extract: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """Images per second, after one batch that does not count."""
    extract(x)
    began, passes = time.perf_counter(), 0
    while passes == 0 or time.perf_counter() - began < SECONDS:
        extract(x)
        passes += 1
    return passes * len(x) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
