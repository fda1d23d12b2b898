"""A training step of a U-Net, and the losses alone: ours against segmentation-models-pytorch's own.

The supplier's model is trained as its documentation does, and with channels last in memory, as ours is; of the two the
faster counts. Both have the same encoder, decoder, batch and optimiser; the loss is cross entropy + Dice. What is
counted is time of the processor on one thread, which others on the machine disturb little.

    python -m benchmarks.micro.segmenting --repeats 9
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn

from benchmarks.micro.measure import Figures, Run, Table, interleaved, machine, median
from warmstart.data.scenes import MaskTarget
from warmstart.model.catalog import load_backbone
from warmstart.task.base import task_of
from warmstart.task.maskloss import LOSSES
from warmstart.task.network import network_for
from warmstart.task.segment import Segment

SIZE, BATCH = 224, 4
ENCODERS = ("resnet18", "tf_efficientnet_lite0")
CLASSES = (2, 21)
OWN, LAST, OURS = "supplier", "supplier, channels last", "ours"


def run(repeats: int, *, quick: bool = False) -> Table:
    """Milliseconds of a step of each way, and how ours compares."""
    torch.set_num_threads(1)
    rows: list[tuple[str, ...]] = []
    figures: Figures = {}
    for encoder in ENCODERS[:1] if quick else ENCODERS:
        for classes in CLASSES[:1] if quick else CLASSES:
            found = interleaved(_steps(encoder, classes), repeats, uncounted=2)
            figures |= {f"{encoder}, {classes} classes: {way}": each for way, each in found.items()}
            own, last, ours = (median(found, way, "milliseconds") for way in (OWN, LAST, OURS))
            cells = (f"{own:.0f}", f"{last:.0f}", f"{ours:.0f}", f"{ours / min(own, last):.2f}")
            rows.append((f"step, {encoder}, {classes} classes", *cells))
    for name in LOSSES:
        found = interleaved(_losses(name), repeats)
        figures |= {f"{name}: {way}": each for way, each in found.items()}
        own, ours = (median(found, way, "milliseconds") for way in (OWN, OURS))
        rows.append((f"loss, {name}, {CLASSES[-1]} classes", f"{own:.0f}", "", f"{ours:.0f}", f"{ours / own:.2f}"))
    notes = (
        f"{machine()}; medians of {repeats} of processor time, in one process",
        f"batches of {BATCH} images of {SIZE} px; forward, loss, backward and a step of AdamW, or the loss and its "
        "gradient alone",
    )
    header = ("what", "supplier (ms)", "channels last (ms)", "ours (ms)", "ours / the faster")
    return Table("A step of segmentation", header, tuple(rows), notes, figures)


def _batch(classes: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.rand(BATCH, 3, SIZE, SIZE), torch.randint(0, classes, (BATCH, SIZE, SIZE)).to(torch.uint8)


def _steps(encoder: str, classes: int) -> dict[str, Run]:
    images, targets = _batch(classes)
    last = images.contiguous(memory_format=torch.channels_last)
    target = MaskTarget(tuple(map(str, range(classes))), head="unet")
    network = network_for(load_backbone(f"timm:{encoder}?pretrained=false&size={SIZE}"), target).train()
    ways: dict[str, Run] = {}
    for way, x in ((OWN, images), (LAST, last)):
        model = smp.Unet(f"tu-{encoder}", encoder_weights=None, classes=classes).train()
        model = model.to(memory_format=torch.channels_last) if way == LAST else model
        ways[way] = functools.partial(_timed, _step(model, x, targets.long(), _of_supplier))
    ways[OURS] = functools.partial(_timed, _step(network, last, targets, task_of(target).loss))
    return ways


def _of_supplier(outputs: Tensor, targets: Tensor) -> Tensor:
    found: Tensor = smp.losses.DiceLoss("multiclass", ignore_index=255)(outputs, targets)
    return found + nn.functional.cross_entropy(outputs, targets, ignore_index=255)


def _step(model: nn.Module, images: Tensor, targets: Tensor, loss: Callable[..., Tensor]) -> Callable[[], object]:
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss(model(images), targets))
        optimiser.step()

    return step


def _losses(name: str) -> dict[str, Run]:
    _, targets = _batch(CLASSES[-1])
    logits = torch.randn(BATCH, CLASSES[-1], SIZE, SIZE, requires_grad=True)
    suppliers: dict[str, Callable[..., Tensor]] = {
        "cross_entropy": nn.CrossEntropyLoss(ignore_index=255),
        "dice": smp.losses.DiceLoss("multiclass", ignore_index=255),
        "focal": smp.losses.FocalLoss("multiclass", ignore_index=255),
        "lovasz": smp.losses.LovaszLoss("multiclass", ignore_index=255, per_image=True),
        "tversky": smp.losses.TverskyLoss("multiclass", ignore_index=255),
    }
    pairs = {OWN: (suppliers[name], targets.long()), OURS: (Segment(loss=name).loss, targets)}

    def once(loss: Callable[..., Tensor], truth: Tensor) -> None:
        logits.grad = None
        torch.autograd.backward(loss(logits, truth))

    return {way: functools.partial(_timed, functools.partial(once, *pair)) for way, pair in pairs.items()}


def _timed(do: Callable[[], object]) -> dict[str, float]:
    began = time.process_time()
    do()
    return {"milliseconds": 1000 * (time.process_time() - began)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    print(run(parser.parse_args().repeats).markdown())
