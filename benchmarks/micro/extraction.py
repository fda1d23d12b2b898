"""Features of a frozen network per second: torch as tutorials run it, and each runtime that is installed here."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.micro.measure import Table, gemm_peak, interleaved, machine, median
from warmstart.cache.features import prepared
from warmstart.engine.extraction import difference
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.modes import evaluating
from warmstart.model.runtimes.base import UnavailableError, runtimes, version
from warmstart.planning.profile import profile

BATCH, SIZE, SECONDS = 32, 224, 3.0


def run(repeats: int) -> Table:
    """Lite0 with its weights, and ResNet-50 with random ones (the speed is that of any)."""
    rows, figures, notes = [], {}, [f"{machine()}; batches of {BATCH}, {SIZE} px, float32; medians of {repeats}"]
    for backbone in (load_backbone("lite0"), resnet50()):
        name = backbone.card.name
        flops = profile(backbone, 0, len(backbone.chain.cuts) - 1, SIZE).flops
        extracts, why_not = contenders(backbone)
        x = torch.randn(BATCH, 3, SIZE, SIZE)
        with evaluating(backbone.module), torch.inference_mode():
            expected = extracts["torch eager"](x)
            peaks = [gemm_peak()]
            found = interleaved({key: functools.partial(rate, e, x) for key, e in extracts.items()}, repeats)
            peaks.append(gemm_peak())
            apart = {key: difference(extract(x), expected) for key, extract in extracts.items()}
        slowest = median(found, "torch eager", "images")
        for key in extracts:
            speed = median(found, key, "images")
            share = speed * flops / max(peaks)
            rows.append((name, key, f"{speed:.0f}", f"{speed / slowest:.2f}", f"{share:.0%}", f"{apart[key]:.0e}"))
        figures |= {f"{name} {key}": value for key, value in found.items()}
        notes += [f"{name}: {flops / 1e9:.2f} GFLOP an image; fp32 matrix product {max(peaks) / 1e9:.0f} GFLOP/s"]
        notes += [f"{name}: {key} not measured: {why}" for key, why in why_not.items()]
    header = ("network", "runtime", "images/s", "x eager", "of the GEMM peak", "difference")
    return Table("Frozen extraction", header, tuple(rows), tuple(notes), figures)


def contenders(backbone: Backbone) -> tuple[dict[str, Callable[[Tensor], Tensor]], dict[str, str]]:
    """Functions from images to features, and why some are not there."""
    chain, last = backbone.chain, (len(backbone.chain.cuts) - 1,)
    found: dict[str, Callable[[Tensor], Tensor]] = {"torch eager": chain.module}
    why_not = {}
    for name in runtimes:
        try:
            if not version(name):
                raise UnavailableError("not installed")
            with evaluating(chain.module), torch.inference_mode():
                extract = prepared(name, chain, last, SIZE)
            key = "torch, channels last" if name == "torch" else f"{name} {version(name)}"
            found[key] = lambda x, e=extract: e(x)[0]
        except UnavailableError as error:
            why_not[name] = str(error)
    return found, why_not


def rate(extract: Callable[[Tensor], Tensor], x: Tensor) -> dict[str, float]:
    """Images per second."""
    began, passes = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        extract(x)
        passes += 1
    return {"images": passes * len(x) / (time.perf_counter() - began)}


def resnet50() -> Backbone:
    """Torchvision's and timm's best known network, weights drawn at random."""
    return load_backbone("timm:resnet50", pretrained=False)
