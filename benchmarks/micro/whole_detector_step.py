"""One training step of a detector: warmstart's network against the supplier's own model and loss, in turns.

Both have the same weights and are given the same images and objects, on one thread. What a supplier has to be given
instead of targets is made before the clock starts; warmstart makes it within the step. The step is forward, loss,
backward and AdamW; seconds are those of the processor, which do not count what else runs on the machine.
"""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import (
    DFineConfig,
    DFineForObjectDetection,
    HGNetV2Config,
    RTDetrConfig,
    RTDetrForObjectDetection,
    RTDetrImageProcessor,
    RTDetrResNetConfig,
)

from benchmarks.micro.measure import Run, Table, interleaved, machine, median
from warmstart.data.scenes import BoxTarget
from warmstart.model.catalog import load_backbone
from warmstart.model.detect import libreyolo
from warmstart.task.base import task_of
from warmstart.task.network import network_for

BATCH, OBJECTS, CLASSES = 4, 5, ("ant", "bee", "cat")
Step = Callable[[], Tensor]


@dataclasses.dataclass(frozen=True)
class Pair:
    """A model of a supplier with its loss, and how warmstart reads its weights."""

    name: str
    size: int
    model: Any
    loss: Callable[[Any, Tensor, Tensor], Tensor]
    save: Callable[[Any, Path], str]  # URI of the backbone
    head: str


def run(repeats: int, *, quick: bool = False) -> Table:
    """Seconds of a step, and how many times the supplier's: the median of the ratios of turns."""
    rows, every = [], {}
    for make in (yolox, rtdetr, dfine):
        pair = make(128 if quick else 0)
        contenders = steps(pair)
        figures = interleaved(contenders, repeats)
        every.update(figures)
        theirs, ours = (figures[name]["seconds"] for name in contenders)
        ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
        losses = [median(figures, name, "loss") for name in contenders]
        cells = (f"{statistics.median(theirs):.3f}", f"{statistics.median(ours):.3f}", f"{ratio:.3f}")
        rows.append((pair.name, *cells, *(f"{loss:.4f}" for loss in losses)))
    notes = (
        f"{machine()}; medians of {repeats} turns of three steps",
        f"{BATCH} images, {OBJECTS} objects in each",
        "the loss is that of the first step of all; after it the weights go their way",
    )
    header = ("", "supplier s", "warmstart s", "times supplier", "loss, supplier", "loss, warmstart")
    return Table("A training step of a detector", header, tuple(rows), notes, every)


def steps(pair: Pair) -> dict[str, Run]:
    """Both contenders."""
    images, targets = drawn(pair.size)
    with tempfile.TemporaryDirectory() as folder:
        backbone = load_backbone(pair.save(pair.model, Path(folder)))
        backbone.spec = dataclasses.replace(backbone.preprocess, size=pair.size)
        target = BoxTarget(CLASSES, pair.head)
        network, task = network_for(backbone, target), task_of(target)
    spec = network.facts.preprocess
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (spec.mean, spec.std))
    seen = (images - mean) / std
    return {
        f"{pair.name}, supplier": timed(pair.model, lambda: pair.loss(pair.model, images, targets)),
        f"{pair.name}, warmstart": timed(network, lambda: task.loss(network(seen, targets), targets)),
    }


def timed(model: nn.Module, loss: Step) -> Run:
    """Seconds of three steps of AdamW."""
    model.train().requires_grad_(True)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-6)
    first: list[float] = []

    def once() -> dict[str, float]:
        torch.manual_seed(0)  # of the noise in denoising
        began = time.process_time()
        for _ in range(3):
            optimiser.zero_grad()
            found = loss()
            found.backward()
            optimiser.step()
            first.append(found.item())
        return {"seconds": (time.process_time() - began) / 3, "loss": first[0]}

    return once


def drawn(size: int) -> tuple[Tensor, Tensor]:
    """Images of noise from 0 to 1, and targets."""
    random = np.random.default_rng(0)
    targets = np.zeros((BATCH, OBJECTS, 6), dtype=np.float32)
    targets[..., 0] = random.integers(0, len(CLASSES), targets.shape[:2])
    targets[..., 1:3] = random.uniform(0, size * 0.6, (*targets.shape[:2], 2))
    targets[..., 3:5] = targets[..., 1:3] + random.uniform(size * 0.1, size * 0.4, (*targets.shape[:2], 2))
    return torch.from_numpy(random.random((BATCH, 3, size, size), dtype=np.float32)), torch.from_numpy(targets)


def yolox(size: int) -> Pair:
    """YOLOX-t, of LibreYOLO."""
    torch.manual_seed(0)
    model = libreyolo.yolox().LibreYOLOXModel("t", nb_classes=len(CLASSES))
    model.init_weights()

    def loss(model: Any, images: Tensor, targets: Tensor) -> Tensor:
        found: Tensor = model(images.flip(1) * 255, middles(targets))["total_loss"]
        return found

    def save(model: Any, folder: Path) -> str:
        torch.save({"model": model.state_dict(), "names": list(CLASSES)}, folder / "t.pt")
        return f"libreyolo:yoloxt@{folder / 't.pt'}"

    return Pair("YOLOX-t", size or 320, model, loss, save, "yolox")


def rtdetr(size: int) -> Pair:
    """RT-DETR of the size of r18, of transformers."""
    body = RTDetrResNetConfig(
        embedding_size=64, hidden_sizes=[64, 128, 256, 512], depths=[2] * 4, layer_type="basic", out_indices=[2, 3, 4]
    )
    config = RTDetrConfig(backbone_config=body, encoder_in_channels=[128, 256, 512], decoder_layers=3, **_SHARED)
    return _detr("RT-DETR-r18", size, RTDetrForObjectDetection(config), "rtdetr")


def dfine(size: int) -> Pair:
    """D-FINE on a small body, of transformers."""
    config = DFineConfig(
        backbone_config=HGNetV2Config(out_indices=[2, 3, 4]), decoder_layers=3, depth_mult=0.34, **_SHARED
    )
    return _detr("D-FINE", size, DFineForObjectDetection(config), "dfine")


_SHARED: dict[str, Any] = {
    "hidden_expansion": 0.5,
    "freeze_backbone_batch_norms": False,  # as ours are not, unless a recipe freezes them
    "id2label": dict(enumerate(CLASSES)),
}


def _detr(name: str, size: int, model: Any, head: str) -> Pair:
    def loss(model: Any, images: Tensor, targets: Tensor) -> Tensor:
        labels = [
            {"class_labels": rows[:, 0].long(), "boxes": rows[:, 1:] / images.shape[-1]} for rows in middles(targets)
        ]
        found: Tensor = model(images, labels=labels).loss
        return found

    def save(model: Any, folder: Path) -> str:
        model.save_pretrained(folder)
        processor = RTDetrImageProcessor(size={"height": size or 256, "width": size or 256})
        processor.save_pretrained(folder)  # type: ignore[no-untyped-call]
        return f"hf:{folder}"

    return Pair(name, size or 256, model, loss, save, head)


def middles(targets: Tensor) -> Tensor:
    """Class, middle and size of each object."""
    low, high = targets[..., 1:3], targets[..., 3:5]
    return torch.cat([targets[..., :1], (low + high) / 2, high - low], -1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(run(5).markdown())
