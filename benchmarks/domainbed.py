"""Rotated and Colored MNIST as DomainBed has them (Gulrajani & Lopez-Paz 2021), with this project's losses.

A domain is held out, and a small network learns from the others; domains are aligned with each other, and the one held
out is never seen. Of all checkpoints the one that is best on held-out parts of the *training* domains is measured.
Hyperparameters are DomainBed's defaults; its search over them is not made.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms.functional import InterpolationMode, rotate

from benchmarks.sources import SOURCES
from warmstart.methods.adaptation.beside import reversed_gradient
from warmstart.methods.adaptation.losses import covariance_distance

ANGLES, COLOURS = (0, 15, 30, 45, 60, 75), (0.1, 0.2, 0.9)
"""Degrees; how often the colour says the wrong class."""
NOISE = 0.25
"""Share of labels of Colored MNIST that are flipped."""
METHODS = ("ERM", "CORAL", "DANN")
PUBLISHED = {"rotated": (98.0, 98.0, 97.8), "colored": (51.5, 51.5, 51.5)}
"""By method; means over held-out domains, of DomainBed's search with training-domain selection."""
HELD_OUT = 0.2


@dataclasses.dataclass(frozen=True)
class Protocol:
    """What a run costs. `held_out` are the domains that are left out in turn, by data set."""

    name: str
    steps: int
    every: int  # steps between two checkpoints
    batch: int  # of each domain
    side: int  # pixels
    width: int  # channels of the first layer
    seeds: tuple[int, ...]
    held_out: dict[str, tuple[int, ...]]
    measured: int | None  # samples of a part that a checkpoint is measured on; None: all

    @property
    def words(self) -> str:
        """What was done."""
        domains = "; ".join(f"{data}: {len(which)} domains held out in turn" for data, which in self.held_out.items())
        return (
            f"{self.steps} steps of {self.batch} images of each domain, {self.side} x {self.side} px, a network whose "
            f"first layer has {self.width} channels, a checkpoint every {self.every} steps, {len(self.seeds)} seed(s); "
            f"{domains}."
        )


EVERY = {"rotated": tuple(range(len(ANGLES))), "colored": tuple(range(len(COLOURS)))}
FULL = Protocol("full", 5001, 300, 64, 28, 64, (0, 1, 2), EVERY, None)
SHORT = Protocol("short", 300, 50, 32, 14, 16, (0,), {"rotated": (0, 3), "colored": (0, 1, 2)}, 1000)


@dataclasses.dataclass(frozen=True)
class Cell:
    """One training."""

    data: str
    held_out: int
    method: str
    seed: int


def cells(protocol: Protocol) -> list[Cell]:
    """All of a protocol, seed by seed."""
    return [
        Cell(data, held_out, method, seed)
        for seed in protocol.seeds
        for data, which in protocol.held_out.items()
        for held_out in which
        for method in METHODS
    ]


@dataclasses.dataclass(frozen=True)
class Domain:
    """Images (n, channels, side, side) and labels (n,)."""

    x: Tensor
    y: Tensor

    def parts(self, rng: np.random.Generator) -> tuple[Domain, Domain]:
        """Four fifths to learn from, and a fifth held out."""
        order = torch.from_numpy(rng.permutation(len(self.y)))
        cut = int(len(order) * HELD_OUT)
        return self.at(order[cut:]), self.at(order[:cut])

    def at(self, rows: Tensor) -> Domain:
        """Some of it."""
        return Domain(self.x[rows], self.y[rows])


@functools.lru_cache(maxsize=1)
def domains(data: str, side: int) -> tuple[Domain, ...]:
    """All 70,000 images dealt to the domains, always in the same way."""
    pools = [pool for pool in SOURCES["mnist"].read() if pool is not None]
    images = torch.from_numpy(np.concatenate([np.asarray(pool.inputs) for pool in pools])).float()[:, None] / 255
    labels = torch.from_numpy(np.concatenate([pool.labels for pool in pools]))
    rng = np.random.default_rng(0)
    order = torch.from_numpy(rng.permutation(len(labels)))
    images, labels = images[order], labels[order]
    count = len(ANGLES) if data == "rotated" else len(COLOURS)
    dealt = [(images[i::count], labels[i::count]) for i in range(count)]
    if data == "rotated":
        found = [Domain(rotate(x, a, InterpolationMode.BILINEAR), y) for (x, y), a in zip(dealt, ANGLES, strict=True)]
    else:
        found = [coloured(x, y, share, rng) for (x, y), share in zip(dealt, COLOURS, strict=True)]
    if side < 28:
        found = [Domain(functional.interpolate(one.x, side, mode="area"), one.y) for one in found]
    return tuple(found)


def coloured(x: Tensor, y: Tensor, share: float, rng: np.random.Generator) -> Domain:
    """Whether a digit is 5 or more, a quarter of the labels flipped, and red or green as the label says, but for
    `share` of them.
    """
    flipped, wrong = (torch.from_numpy(rng.random(len(y)) < p) for p in (NOISE, share))
    label = (y < 5) ^ flipped
    colour = (label ^ wrong).long()
    both = torch.cat([x, x], 1)
    both[torch.arange(len(y)), 1 - colour] = 0
    return Domain(both, label.long())


def network(channels: int, classes: int, width: int) -> tuple[nn.Module, nn.Linear]:
    """DomainBed's MNIST_CNN: features (n, 2 width), and a linear classifier."""
    layers: list[nn.Module] = []
    sizes = ((channels, width, 1), (width, 2 * width, 2), (2 * width, 2 * width, 1), (2 * width, 2 * width, 1))
    for before, after, stride in sizes:
        layers += [nn.Conv2d(before, after, 3, stride, 1), nn.ReLU(), nn.GroupNorm(8, after)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Linear(2 * width, classes)


def discriminator(features: int, count: int) -> nn.Module:
    """Which domain features are of: DomainBed's MLP of width 256 and depth 3."""
    return nn.Sequential(nn.Linear(features, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, count))


def coral(parts: Sequence[Tensor]) -> Tensor:
    """Mean squared difference of means and of covariances, over all pairs of domains."""
    found = []
    for a, b in itertools.combinations(parts, 2):
        found.append((a.mean(0) - b.mean(0)).square().mean() + 4 * covariance_distance(a, b))
    return torch.stack(found).mean()


def batches(parts: Sequence[Domain], size: int, rng: np.random.Generator) -> Iterator[list[Domain]]:
    """A batch of each domain, without end."""
    while True:
        yield [one.at(torch.from_numpy(rng.integers(0, len(one.y), size))) for one in parts]


def accuracy(model: nn.Module, part: Domain, most: int | None) -> float:
    """On the first `most` samples."""
    x, y = part.x[:most], part.y[:most]
    with torch.inference_mode():
        right = [
            (model(a).argmax(1) == b).float() for a, b in zip(torch.split(x, 500), torch.split(y, 500), strict=True)
        ]
    return float(torch.cat(right).mean())


def run(cell: Cell, protocol: Protocol) -> dict[str, Any]:
    """Train on all domains but one; the checkpoint is chosen on held-out parts of those."""
    began, cpu = time.monotonic(), time.process_time()
    every = domains(cell.data, protocol.side)
    rng = np.random.default_rng([cell.seed, cell.held_out])
    torch.manual_seed(cell.seed)
    divided = [one.parts(rng) for one in every]
    training = [pair for i, pair in enumerate(divided) if i != cell.held_out]
    unseen = divided[cell.held_out][0]
    features, head = network(every[0].x.shape[1], 10 if cell.data == "rotated" else 2, protocol.width)
    model, judge = nn.Sequential(features, head), discriminator(head.in_features, len(training))
    groups = [{"params": [*model.parameters(), *judge.parameters()]}]
    optimizer = torch.optim.Adam(groups, lr=1e-3, betas=(0.5 if cell.method == "DANN" else 0.9, 0.999))
    best, rows = (-1.0, 0.0), []
    stream = batches([pair[0] for pair in training], protocol.batch, rng)
    for step in range(1, protocol.steps + 1):
        loss = objective(cell.method, features, head, judge, next(stream))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % protocol.every == 0 or step == protocol.steps:
            seen = float(np.mean([accuracy(model, pair[1], protocol.measured) for pair in training]))
            best = max(best, (seen, accuracy(model, unseen, protocol.measured)), key=lambda pair: pair[0])
            rows.append(seen)
    return {
        **dataclasses.asdict(cell),
        "accuracy": best[1],
        "training_domains": best[0],
        "curve": rows,
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }


def objective(method: str, features: nn.Module, head: nn.Linear, judge: nn.Module, parts: Sequence[Domain]) -> Tensor:
    """The loss of the classes, and of what aligns the domains: DomainBed's weight for both is 1."""
    x, y = torch.cat([one.x for one in parts]), torch.cat([one.y for one in parts])
    z = features(x)
    loss = functional.cross_entropy(head(z), y)
    sizes = [len(one.y) for one in parts]
    if method == "CORAL":
        loss = loss + coral(torch.split(z, sizes))
    elif method == "DANN":
        domain = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
        loss = loss + functional.cross_entropy(judge(reversed_gradient(z, 1.0)), domain)
    return loss


def table(rows: Sequence[dict[str, Any]], protocol: Protocol) -> str:
    """Accuracy by held-out domain and its mean, beside what was published."""
    text = [f"Training-domain selection. {protocol.words}", ""]
    names = {"rotated": [f"{a}°" for a in ANGLES], "colored": [f"{s:g}" for s in COLOURS]}
    for data, which in protocol.held_out.items():
        text += [
            f"### {data.capitalize()} MNIST, %",
            "",
            f"| method | {' | '.join(names[data][i] for i in which)} | mean | DomainBed | training domains |",
            "|" + " --- |" * (len(which) + 4),
        ]
        for method, published in zip(METHODS, PUBLISHED[data], strict=True):
            mine = [row for row in rows if row["data"] == data and row["method"] == method]
            found = [[100 * row["accuracy"] for row in mine if row["held_out"] == i] for i in which]
            whole = all(found)
            cells_ = [f"{np.mean(v):.1f}" if v else "-" for v in found]
            mean = f"{np.mean([np.mean(v) for v in found]):.1f}" if whole else "-"
            seen = f"{100 * np.mean([row['training_domains'] for row in mine]):.1f}" if mine else "-"
            text.append(f"| {method} | {' | '.join(cells_)} | {mean} | {published} | {seen} |")
        text.append("")
    return "\n".join(text)
