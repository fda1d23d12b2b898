"""Images per second of frozen extraction and of fine-tuning on the device at hand.

python -m benchmarks.gpu                       # on a GPU: resnet50 and ViT-B; results/gpu.json and gpu.md
python -m benchmarks.gpu --quick               # seconds on a CPU: tiny networks, figures of which nothing follows

warmstart, a plain PyTorch loop and timm's loader and optimizer run in turn, each round one after the other. Networks
have random weights: the speed is the same. Files are kept in a temporary folder.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import timm
import torch

from benchmarks.gpu.contenders import CONTENDERS
from benchmarks.gpu.setting import Setting, flops, peak, write_images
from benchmarks.machine import machine
from warmstart.engine.allocator import keep_buffers
from warmstart.model.device import Device, chosen

RESULTS = Path(__file__).resolve().parents[1] / "results"


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What is measured by default."""

    networks: tuple[str, ...] = ("resnet50", "vit_base_patch16_224")
    images: int = 8192
    batch: int = 256
    size: int = 224
    rounds: int = 5
    workers: int = min(16, os.cpu_count() or 1)
    product: int = 8192  # side of the matrices that the peak is measured with


QUICK = Sizes(("test_resnet",), images=24, batch=8, size=64, rounds=2, workers=0, product=512)


def measure(sizes: Sizes, device: torch.device, folder: Path) -> list[dict[str, object]]:
    """One row for each network, kind of work, source and contender."""
    write_images(folder, sizes.images)
    rows: list[dict[str, object]] = []
    for network in sizes.networks:
        for work in ("extract", "finetune"):
            per_image = flops(timm.create_model(network, pretrained=False), sizes.size, work)
            for source in ("memory", "files"):
                setting = Setting(
                    network, work, source, sizes.images, sizes.batch, sizes.size, sizes.workers, device, folder
                )
                best = peak(device, setting.short, sizes.product, seconds=0.5)
                for name, rates in interleaved(setting, sizes.rounds).items():
                    row = {"network": network, "work": work, "source": source, "contender": name, "rates": rates}
                    rows.append({**row, "flops": per_image, "peak": best})
                    print(line(rows[-1], rows), flush=True)
    return rows


def interleaved(setting: Setting, rounds: int) -> dict[str, list[float]]:
    """Images per second of each contender in each round; one round before them does not count."""
    found: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    with Device.of(setting.device).fast():  # TF32 and timed kernels for all of them
        ready = {name: prepared(setting) for name, prepared in CONTENDERS.items()}
        for number in range(rounds + 1):
            for name, run in ready.items():
                rate = run()
                if number:
                    found[name].append(rate)
    return found


def line(row: dict[str, object], rows: Sequence[dict[str, object]]) -> str:
    """A row of the Markdown table."""
    key = ("network", "work", "source")
    (own,) = (r for r in rows if r["contender"] == "warmstart" and all(r[k] == row[k] for k in key))
    rates, ours = _numbers(row), _numbers(own)
    ratios = [ours_one / one for ours_one, one in zip(ours, rates, strict=True)]
    rate = statistics.median(rates)
    share = rate * float(str(row["flops"])) / float(str(row["peak"]))
    ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    cells = [*(str(row[k]) for k in key), str(row["contender"]), f"{rate:.0f}", ratio, f"{share:.1%}"]
    return f"| {' | '.join(cells)} |"


def table(rows: Sequence[dict[str, object]], facts: dict[str, object]) -> str:
    """The page of results."""
    header = ("network", "work", "from", "contender", "images/s", "warmstart is x times as fast", "share of peak")
    lines = [f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}", *(line(row, rows) for row in rows)]
    notes = [f"- {name}: {value}" for name, value in facts.items()]
    return "\n".join(["### Images per second", "", *lines, "", *notes, ""])


def facts(sizes: Sizes, device: torch.device) -> dict[str, object]:
    """Where and with what it was measured."""
    short = "bfloat16 autocast" if Device.of(device).bf16 else "float32"
    return {
        "device": " ".join(Device.of(device).name) or "CPU",
        "machine": machine(),
        "versions": f"torch {torch.__version__}, timm {timm.__version__}",
        "precision": short,
        "protocol": f"{sizes.images} images at {sizes.size} px in batches of {sizes.batch}, {sizes.rounds} rounds in "
        "turn; median, and of the ratios the range",
        "peak": f"the best product of two matrices of side {sizes.product}, measured before each row",
        "work": "features to the host's memory; or AdamW with clipping, batch norm in training mode, from the second "
        "epoch. From files, JPEGs of 500 x 375 px are decoded in each epoch, cropped at random for fine-tuning",
        "timm": "its loader with the prefetcher and its optimizer, called as `validate.py` and `train.py` of its "
        "repository do, which are not in its package",
    }


def _numbers(row: dict[str, object]) -> list[float]:
    rates = row["rates"]
    assert isinstance(rates, list)
    return [float(rate) for rate in rates]


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="tiny networks and few images; does everything run?")
    parser.add_argument("--networks", help="names of timm's, with commas between them")
    for name in ("images", "batch", "size", "rounds", "workers"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument(
        "--out", type=Path, help="folder for gpu.json and gpu.md; by default benchmarks/results on a GPU"
    )
    told = parser.parse_args(given)
    names = ("images", "batch", "size", "rounds", "workers")
    changed = {name: value for name in names if (value := getattr(told, name)) is not None}
    sizes = dataclasses.replace(QUICK if told.quick else Sizes(), **changed)
    if told.networks:
        sizes = dataclasses.replace(sizes, networks=tuple(told.networks.split(",")))
    keep_buffers()
    device = chosen()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(sizes, device, Path(folder))
    known = facts(sizes, device)
    page = table(rows, known)
    out = told.out or (RESULTS if device.type == "cuda" else None)
    if out is None:
        print(f"\n{page}\nnot kept: these are figures of a CPU; --out FOLDER keeps them")
        return
    out.mkdir(parents=True, exist_ok=True)
    (out / "gpu.json").write_text(json.dumps({"facts": known, "rows": rows}, indent=1) + "\n")
    (out / "gpu.md").write_text(page)


if __name__ == "__main__":
    main()
