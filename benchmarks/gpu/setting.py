"""What all contenders are given: sizes, a device and its precision, and the same images on disk and in memory."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

Work = Literal["extract", "finetune"]
Source = Literal["memory", "files"]
CLASSES = 10
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIDE = (500, 375)
"""Pixels of the JPEGs, as many as those of ImageNet have on average."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """One row of the table, for every contender."""

    network: str
    work: Work
    source: Source
    images: int
    batch: int
    size: int
    workers: int
    device: torch.device
    folder: Path

    @property
    def short(self) -> bool:
        """Whether networks compute in bfloat16: on a GPU that does so at full speed, not on a CPU."""
        return self.device.type == "cuda" and torch.cuda.is_bf16_supported()

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Reduced precision, where all contenders take it."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.short else contextlib.nullcontext()

    def wait(self) -> None:
        """Until the device has done what was asked of it."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def pixels(self) -> Tensor:
        """The images in memory, uint8 (n, 3, size, size): the same in every call."""
        rng = np.random.default_rng(0)
        return torch.from_numpy(rng.integers(0, 256, (self.images, 3, self.size, self.size), np.uint8))

    @property
    def labels(self) -> list[int]:
        """Of the images."""
        return [i % CLASSES for i in range(self.images)]


def write_images(folder: Path, images: int) -> None:
    """Photograph-like JPEGs (smooth noise, quality 90) in a folder for each class; those that are there stay."""
    rng = np.random.default_rng(0)
    for i in range(images):
        path = folder / f"class-{i % CLASSES}" / f"{i:06d}.jpg"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            smooth = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
            smooth.resize(SIDE, Image.Resampling.BICUBIC).save(path, "JPEG", quality=90)


def flops(network: nn.Module, size: int, work: Work) -> float:
    """Floating-point operations for one image, two per multiply-add; forward, or forward and backward."""
    network, x = network.train() if work == "finetune" else network.eval(), torch.zeros(2, 3, size, size)
    with FlopCounterMode(display=False) as counter:
        if work == "finetune":
            network(x).sum().backward()
        else:
            with torch.no_grad():
                network(x)
    return float(counter.get_total_flops()) / len(x)


def peak(device: torch.device, short: bool, side: int, seconds: float = 2.0) -> float:
    """Operations per second of the best of many products of two square matrices, in the precision of the contenders."""
    dtype = torch.bfloat16 if short else torch.float32
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    best, begun, rounds = 0.0, time.perf_counter(), 0
    while rounds < 3 or time.perf_counter() - begun < seconds:
        started = time.perf_counter()
        for _ in range(4):
            a @ b
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best, rounds = max(best, 4 * 2 * side**3 / (time.perf_counter() - started)), rounds + 1
    return best
