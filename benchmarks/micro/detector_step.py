"""A training step of a detector: the path of our engine against torchvision's own model, in one process, in turns.

The body (a ResNet-18 with random weights) and the head are the same, and so are images and objects. Ours reads maps
packed as one row for each image, as a chain passes them, in inputs with their channels last; torchvision is given
images as they are and does what it does with them. Both end with the gradients of the whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import detection
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from benchmarks.micro.measure import Run, Table, interleaved, machine, median
from warmstart.model.detect.catalog import detector
from warmstart.model.maps import Maps
from warmstart.preprocess.runs import runs
from warmstart.task.detect import DETECT

SIZE, BATCH, CLASSES, OBJECTS = 256, 2, 20, 8
QUICK = 128
HEADS = {
    "fcos": detection.FCOS,
    "retinanet": detection.RetinaNet,
    "fasterrcnn": detection.FasterRCNN,
    "maskrcnn": detection.MaskRCNN,
}
RCNN = "anchor=32&channels=256&width=1024&sampled=512&proposals=1000"
"""Torchvision's own sizes."""
OPTIONS = {"fcos": "channels=256", "retinanet": "anchor=32", "fasterrcnn": RCNN, "maskrcnn": f"{RCNN}&convs=4"}
Step = Callable[[], Tensor]
"""One forward pass; gives the loss."""


def run(repeats: int, *, quick: bool = False) -> Table:
    """Seconds of the processor of both, and ours against torchvision's."""
    rows, figures, size = [], {}, QUICK if quick else SIZE
    for head in HEADS:
        theirs, ours = pair(head, size)
        contenders: dict[str, Run] = {"torchvision": timed(theirs), "warmstart": timed(ours)}
        found = interleaved(contenders, repeats)
        slow, fast = median(found, "torchvision", "seconds"), median(found, "warmstart", "seconds")
        rows.append((head, f"{slow:.3f}", f"{fast:.3f}", f"{fast / slow:.3f}"))
        figures |= {f"{head} {name}": value for name, value in found.items()}
    notes = (
        f"{machine()}; medians of {repeats}",
        f"ResNet-18, {BATCH} images of {size} px, {OBJECTS} objects of {CLASSES} classes in each; forward and backward",
    )
    header = ("head", "torchvision, s", "warmstart, s", "warmstart / torchvision")
    return Table("A training step of a detector", header, tuple(rows), notes, figures)


def pair(head: str, size: int) -> tuple[Step, Step]:
    """A step of torchvision and one of ours, on the same images and objects, with bodies of their own."""
    make = torch.Generator().manual_seed(0)
    images = torch.randn(BATCH, 3, size, size, generator=make)
    corner = torch.rand(BATCH, OBJECTS, 2, generator=make) * size * 0.6
    sides = size * (0.05 + 0.3 * torch.rand(BATCH, OBJECTS, 2, generator=make))
    labels = torch.randint(0, CLASSES, (BATCH, OBJECTS, 1), generator=make).float()
    boxes = torch.cat([corner, corner + sides], 2)
    targets = torch.cat([labels, boxes, sides.prod(2, keepdim=True)], 2)
    masks = torch.zeros(BATCH, OBJECTS, size, size, dtype=torch.uint8)
    for mask, box in zip(masks.flatten(0, 1), boxes.flatten(0, 1).int().tolist(), strict=True):
        mask[box[1] : box[3], box[0] : box[2]] = 1
    if head == "maskrcnn":
        lengths = [torch.from_numpy(runs(mask.numpy())) for mask in masks.flatten(0, 1)]
        behind = nn.utils.rnn.pad_sequence(lengths, batch_first=True).view(BATCH, OBJECTS, -1)
        targets = torch.cat([targets, behind.float()], 2)
    return supplied(head, size, images, boxes, labels, masks), engine(head, size, images, targets)


def supplied(head: str, size: int, images: Tensor, boxes: Tensor, labels: Tensor, masks: Tensor) -> Step:
    """Torchvision's own."""
    first = int(head.endswith("rcnn"))
    layers, further = ([1, 2, 3, 4], None) if first else ([2, 3, 4], LastLevelP6P7(256, 256))
    body = _resnet_fpn_extractor(torchvision.models.resnet18(), 5, returned_layers=layers, extra_blocks=further)
    model = HEADS[head](body, CLASSES + first, min_size=size, max_size=size, image_mean=[0.0] * 3, image_std=[1.0] * 3)
    told = [
        {"boxes": b, "labels": c.flatten().long() + first, "masks": m}
        for b, c, m in zip(boxes, labels, masks, strict=True)
    ]
    return lambda: sum(model(list(images), told).values())


def engine(head: str, size: int, images: Tensor, targets: Tensor) -> Step:
    """Ours."""
    strides = (4, 8, 16, 32) if head.endswith("rcnn") else (8, 16, 32)
    names = {f"layer{k}": str(k) for k in range(5 - len(strides), 5)}
    body: nn.Module = IntermediateLayerGetter(torchvision.models.resnet18(), names)
    channels = tuple(64 * 2 ** (k - 1) for k in range(5 - len(strides), 5))
    maps = Maps(tuple(names), channels, strides, tuple(size // stride for stride in strides), size)
    ours = detector(f"{head}?{OPTIONS[head]}", maps, CLASSES).train()
    inputs = images.contiguous(memory_format=torch.channels_last)
    return lambda: DETECT.loss(ours(maps.pack(list(body(inputs).values())), targets), targets)


def timed(step: Step) -> Run:
    """Seconds of the processor for a step with its gradients; others may use it meanwhile."""

    def once() -> dict[str, float]:
        began = time.process_time()
        torch.autograd.backward(step())
        return {"seconds": time.process_time() - began}

    return once


if __name__ == "__main__":
    print(run(9).markdown())
