"""A training step of a detector: the path of our engine against torchvision's own model, in one process, in turns.

The body (a ResNet-18) and the head have the same random weights, and images, objects and the draws of a step are the
same, so that both learn from the same proposals: how many of them are of objects decides what outlines cost. The losses
beside the seconds say so. Ours reads maps packed as one row for each image, as a chain passes them, with channels last
in inputs and weights as while training; torchvision is given images as they are and does what it does with them. Both
end with the gradients of the whole.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import detection
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from benchmarks.micro.measure import Figures, Run, Table, interleaved, machine, median
from warmstart.engine.layout import training_layout
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
    rows, size = [], QUICK if quick else SIZE
    figures: Figures = {}
    for head in HEADS:
        theirs, ours = pair(head, size)
        contenders: dict[str, Run] = {"torchvision": timed(theirs), "warmstart": timed(ours)}
        found = interleaved(contenders, repeats)
        slow, fast = median(found, "torchvision", "seconds"), median(found, "warmstart", "seconds")
        turns = zip(found["warmstart"]["seconds"], found["torchvision"]["seconds"], strict=True)
        ratio = statistics.median(mine / other for mine, other in turns)
        losses = [f"{median(found, name, 'loss'):.4f}" for name in contenders]
        rows.append((head, f"{slow:.3f}", f"{fast:.3f}", f"{ratio:.3f}", *losses))
        figures |= {f"{head} {name}": value for name, value in found.items()}
    notes = (
        f"{machine()}; medians of {repeats}, that of the ratio over pairs of turns",
        f"ResNet-18, {BATCH} images of {size} px, {OBJECTS} objects of {CLASSES} classes in each; forward and backward",
    )
    told = ("warmstart / torchvision", "loss, torchvision", "loss, warmstart")
    header = ("head", "torchvision, s", "warmstart, s", *told)
    return Table("A training step of a detector", header, tuple(rows), notes, figures)


def pair(head: str, size: int) -> tuple[Step, Step]:
    """A step of torchvision and one of ours, on the same images and objects, from the same weights."""
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
    model = supplied(head, size)
    first = int(head.endswith("rcnn"))
    told = [
        {"boxes": b, "labels": c.flatten().long() + first, "masks": m}
        for b, c, m in zip(boxes, labels, masks, strict=True)
    ]
    return lambda: sum(model(list(images), told).values()), engine(head, size, images, targets, model)


def supplied(head: str, size: int) -> Any:
    """Torchvision's own."""
    first = int(head.endswith("rcnn"))
    layers, further = ([1, 2, 3, 4], None) if first else ([2, 3, 4], LastLevelP6P7(256, 256))
    body = _resnet_fpn_extractor(torchvision.models.resnet18(), 5, returned_layers=layers, extra_blocks=further)
    return HEADS[head](body, CLASSES + first, min_size=size, max_size=size, image_mean=[0.0] * 3, image_std=[1.0] * 3)


def engine(head: str, size: int, images: Tensor, targets: Tensor, model: Any) -> Step:
    """Ours, with the weights of torchvision's."""
    strides = (4, 8, 16, 32) if head.endswith("rcnn") else (8, 16, 32)
    names = {f"layer{k}": str(k) for k in range(5 - len(strides), 5)}
    body: nn.Module = IntermediateLayerGetter(torchvision.models.resnet18(), names)
    body.load_state_dict(model.backbone.body.state_dict())
    channels = tuple(64 * 2 ** (k - 1) for k in range(5 - len(strides), 5))
    maps = Maps(tuple(names), channels, strides, tuple(size // stride for stride in strides), size)
    ours = detector(f"{head}?{OPTIONS[head]}", maps, CLASSES).train()
    ours.adopt(model.state_dict(), {number: number + ours.first for number in range(CLASSES)})
    layout = training_layout(nn.ModuleList([body, ours]), images.device)
    inputs = images.contiguous(memory_format=layout)
    for module in (body, ours):
        module.to(memory_format=layout)
    return lambda: DETECT.loss(ours(maps.pack(list(body(inputs).values())), targets), targets)


def timed(step: Step) -> Run:
    """Seconds of the processor for a step with its gradients; others may use it meanwhile."""

    def once() -> dict[str, float]:
        torch.manual_seed(0)  # of the proposals that are learned from
        began = time.process_time()
        loss = step()
        torch.autograd.backward(loss)
        return {"seconds": time.process_time() - began, "loss": loss.item()}

    return once


if __name__ == "__main__":
    print(run(9).markdown())
