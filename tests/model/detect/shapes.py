"""Rectangles of two colours on noise, a small backbone that gives maps of them, and the training of a detector."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.ops import box_iou

from warmstart.model.detect.base import Detector
from warmstart.model.maps import Maps
from warmstart.preprocess.runs import runs

SIZE = 64
MAPS = Maps(("a", "b", "c"), (16, 24, 32), (8, 16, 32), (8, 4, 2), SIZE)


def scenes(n: int = 8, size: int = SIZE, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images (n, 3, size, size) of one or two rectangles, red of class 0 and blue of class 1, and targets (n, 3, 6 + R)
    with the runs of the pixels of each behind, which detectors without outlines ignore.
    """
    random = np.random.default_rng(seed)
    images = random.normal(0, 0.3, (n, 3, size, size)).astype("float32")
    targets = np.full((n, 3, 6 + size * 2), -1, "float32")
    targets[..., 6:] = 0
    for image, rows in zip(images, targets, strict=True):
        for row in rows[: random.integers(1, 3)]:
            width, height = random.integers(14, 28, 2)
            left, upper, colour = *random.integers(0, size - 28, 2), random.integers(0, 2)
            image[:, upper : upper + height, left : left + width] = 0
            image[2 * colour, upper : upper + height, left : left + width] = 2
            row[:6] = colour, left, upper, left + width, upper + height, width * height
            lengths = runs((image[2 * colour] == 2).astype(np.uint8))
            row[6 : 6 + len(lengths)] = lengths
    return torch.from_numpy(images), torch.from_numpy(targets)


class Small(nn.Module):
    """Images to the maps of `MAPS`, packed."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 8, 16, *MAPS.channels)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(have, want, 3, 2, 1), nn.BatchNorm2d(want), nn.ReLU())
            for have, want in itertools.pairwise(widths)
        )

    def forward(self, x: Tensor) -> Tensor:
        maps = []
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        return MAPS.pack(maps[2:])


def trained(head: Detector, steps: int, rate: float) -> tuple[list[float], Tensor]:
    """Losses of so many steps of AdamW on eight scenes, and what is found in them then, (8, most, 6)."""
    torch.manual_seed(0)
    backbone, (images, targets) = Small(), scenes()
    optimiser = torch.optim.AdamW([*backbone.parameters(), *head.parameters()], rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    losses = []
    head.train()
    for _ in range(steps):
        loss = head(backbone(images), targets).sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    backbone.eval(), head.eval()
    with torch.no_grad():
        return losses, head(backbone(images))


def caught(found: Tensor, targets: Tensor) -> list[bool]:
    """Whether each object is among as many of the surest detections as there are objects, right in class and place."""
    hits = []
    for rows, truth in zip(found, targets, strict=True):
        there = truth[truth[:, 0] >= 0]
        sure = rows[: len(there)]
        overlap = box_iou(there[:, 1:5], sure[:, 2:6]) * (there[:, :1] == sure[:, 0])
        hits += (overlap.amax(1) > 0.5).tolist()
    return hits
