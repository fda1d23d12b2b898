"""A training step of a whole network for boxes or masks: the engine's own step against the supplier's loop, in turns.

Both have the same weights and are given the same images, objects and masks, on one thread. The supplier's loop is the
usual one: forward and loss as the supplier has them, backward, AdamW; what it wants to be given in place of targets is
made before the clock starts. Ours is `Stepper.step`, which `fit` calls for every batch: it seeds, copies the statistics
that it may have to put back, reads its targets, clips the gradients and looks whether all is finite, too. Seconds are
those of the processor, which do not count what else runs on the machine.

    python -m benchmarks.frozen_work training_step             # all
    python -m benchmarks.micro.training_step unet ssdlite yolox --repeats 5
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import segmentation_models_pytorch as smp
import torch
import torchvision
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
from warmstart.cache.store import ActivationStore
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Split
from warmstart.data.stores import store_of
from warmstart.data.synthetic.scenes import SHAPES, generate_scenes
from warmstart.engine import freeze
from warmstart.engine.assemble import make_stepper
from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.device import make_accelerator
from warmstart.engine.events import silent
from warmstart.engine.feed import Feed
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.layout import training_layout
from warmstart.engine.stepper import Stepper
from warmstart.engine.training import Progress, Training
from warmstart.model.catalog import load_backbone
from warmstart.model.detect import libreyolo
from warmstart.planning.compile import compile_plan
from warmstart.planning.plan import PhasePlan
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.task.base import task_of
from warmstart.task.network import network_for

BATCH, OBJECTS, RATE, STEPS = 4, 5, 1e-6, 3
QUICK = 128
Loss = Callable[[], Tensor]


@dataclasses.dataclass(frozen=True)
class Pair:
    """A supplier's model with its loss of images from 0 to 1 and targets, and how warmstart reads its weights."""

    name: str
    size: int
    model: Any
    loss: Callable[[Any, Tensor, Tensor], Loss]
    """Gives the loss of one batch, all of which has been made ready."""
    save: Callable[[Any, Path], str]
    """Puts the weights where the backbone is loaded from; gives its URI."""
    head: str
    kind: Literal["detect", "segment"] = "detect"


def run(repeats: int, *, quick: bool = False, names: Sequence[str] = ()) -> Table:
    """Seconds of a step, and how many times the supplier's: the median of the ratios of turns."""
    rows, every = [], {}
    for name in names or MAKERS:
        pair: Pair = MAKERS[name](QUICK if quick else 0)
        contenders = steps(pair)
        figures = interleaved(contenders, repeats)
        every.update(figures)
        theirs, ours = (figures[name]["seconds"] for name in contenders)
        ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
        losses = [median(figures, name, "loss") for name in contenders]
        cells = (f"{statistics.median(theirs):.3f}", f"{statistics.median(ours):.3f}", f"{ratio:.3f}")
        rows.append((pair.name, f"{pair.size}", *cells, *(f"{loss:.4f}" for loss in losses)))
    notes = (
        f"{machine()}; seconds of the processor, medians of {repeats} turns of {STEPS} steps",
        f"{BATCH} generated scenes of three shapes; all weights learn",
        "the loss is that of the first step of all: of the U-Net our Dice counts each image by itself, and of SSDlite "
        "what tells classes apart is drawn anew, as the file of torchvision's weights does not name them",
    )
    told = ("supplier s", "warmstart s", "times supplier", "loss, supplier", "loss, warmstart")
    return Table("A training step of boxes and masks", ("", "px", *told), tuple(rows), notes, every)


def steps(pair: Pair) -> dict[str, Run]:
    """Both contenders."""
    stepper = engine(pair)
    (batch,) = stepper.batches(epoch=0)
    spec = stepper.training.network.facts.preprocess
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (spec.mean, spec.std))
    model = pair.model.train().requires_grad_(True)
    loss = pair.loss(model, (batch.inputs * std + mean).contiguous(), batch.targets)
    optimiser = torch.optim.AdamW(model.parameters(), RATE)

    def theirs() -> float:
        optimiser.zero_grad()
        found = loss()
        found.backward()
        optimiser.step()
        return found.item()

    ours = functools.partial(stepper.step, batch, 0)
    return {f"{pair.name}, supplier": timed(theirs), f"{pair.name}, warmstart": timed(ours)}


def engine(pair: Pair) -> Stepper:
    """The step of a phase in which everything learns, on one batch of scenes, with the weights of the pair's model."""
    made = generate_scenes(BATCH, pair.kind, size=(pair.size, pair.size), most=OBJECTS)
    target = BoxTarget(SHAPES, pair.head) if pair.kind == "detect" else MaskTarget(made.target.classes, pair.head)
    dataset = dataclasses.replace(made, target=target)
    with tempfile.TemporaryDirectory() as folder:
        backbone = load_backbone(pair.save(pair.model, Path(folder)))
        spec = dataclasses.replace(backbone.preprocess, size=pair.size, resize="pad")
        network = network_for(dataclasses.replace(backbone, spec=spec), target)
    if pair.kind == "segment":  # the same layers in the same order, under other names
        values = zip(network.state_dict(), pair.model.state_dict().values(), strict=True)
        network.load_state_dict(dict(values))
    split = Split(np.arange(BATCH), np.arange(0), np.arange(0), how="all")
    data = RunData(dataset, split, store_of(dataset, spec), spec, ActivationStore(None))
    recipe = Recipe(name="all", steps=(Phase(rates=(("*", RATE),), epochs=1, batch_size=BATCH, norm="train"),))
    (plan,) = compile_plan(recipe, network, data.facts).steps
    assert isinstance(plan, PhasePlan)
    freeze.apply(network, plan)
    accelerator = make_accelerator()
    network.to(memory_format=training_layout(network, accelerator.device))
    feed = Feed(network, plan, data, accelerator, 0, silent)
    training = Training(network, plan, [RATE] * len(plan.groups), 1, Progress(micro=BATCH))
    context = Context(task_of(target), 0, "", silent, None, Deadline(None), Interrupt())
    return make_stepper(accelerator, training, feed, data, context, None)


def timed(step: Callable[[], float]) -> Run:
    """Seconds of one step, over some of them."""
    first: list[float] = []

    def once() -> dict[str, float]:
        torch.manual_seed(0)  # of the noise in denoising
        began = time.process_time()
        first.extend(step() for _ in range(STEPS))
        return {"seconds": (time.process_time() - began) / STEPS, "loss": first[0]}

    return once


def unet(size: int) -> Pair:
    """A U-Net on EfficientNet-Lite0, of segmentation-models-pytorch, with cross entropy and Dice."""
    torch.manual_seed(0)
    model = smp.Unet("tu-tf_efficientnet_lite0", encoder_weights=None, classes=1 + len(SHAPES))
    dice = smp.losses.DiceLoss("multiclass", ignore_index=255)

    def loss(model: Any, images: Tensor, targets: Tensor) -> Loss:
        images, truth = images * 2 - 1, targets.long()

        def found() -> Tensor:
            outputs = model(images)
            total: Tensor = nn.functional.cross_entropy(outputs, truth, ignore_index=255) + dice(outputs, truth)
            return total

        return found

    def save(*_: Any) -> str:
        return "timm:tf_efficientnet_lite0?pretrained=false"  # of which the weights are put in place later

    return Pair("U-Net, lite0", size or 224, model, loss, save, "unet", "segment")


def ssdlite(_: int) -> Pair:
    """SSDlite on MobileNet-V3, of torchvision; it brings every image to 320 px."""
    torch.manual_seed(0)
    classes = 1 + len(SHAPES)
    model = torchvision.models.get_model(_SSD, weights=None, weights_backbone=None, num_classes=classes)

    def loss(model: Any, images: Tensor, targets: Tensor) -> Loss:
        told = [{"labels": rows[:, 0].long() + 1, "boxes": rows[:, 1:5]} for rows in map(_known, targets)]
        return lambda: sum(model(list(images), told).values())

    def save(model: Any, folder: Path) -> str:
        torch.save(model.state_dict(), folder / "ssd.pth")
        return f"torchvision:{_SSD}@{folder / 'ssd.pth'}"

    return Pair("SSDlite, MobileNet-V3", 320, model, loss, save, "ssdlite")


_SSD = "ssdlite320_mobilenet_v3_large"


def yolox(size: int) -> Pair:
    """YOLOX-t, of LibreYOLO."""
    torch.manual_seed(0)
    model = libreyolo.yolox().LibreYOLOXModel("t", nb_classes=len(SHAPES))
    model.init_weights()

    def loss(model: Any, images: Tensor, targets: Tensor) -> Loss:
        images, told = (images.flip(1) * 255).contiguous(), middles(targets)
        return lambda: model(images, told)["total_loss"]  # type: ignore[no-any-return]

    def save(model: Any, folder: Path) -> str:
        torch.save({"model": model.state_dict(), "names": list(SHAPES)}, folder / "t.pt")
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
    "id2label": dict(enumerate(SHAPES)),
}


def _detr(name: str, size: int, model: Any, head: str) -> Pair:
    def loss(model: Any, images: Tensor, targets: Tensor) -> Loss:
        labels = [
            {"class_labels": rows[:, 0].long(), "boxes": middles(rows)[:, 1:] / images.shape[-1]}
            for rows in map(_known, targets)
        ]
        return lambda: model(images, labels=labels).loss  # type: ignore[no-any-return]

    def save(model: Any, folder: Path) -> str:
        model.save_pretrained(folder)
        processor = RTDetrImageProcessor(size={"height": size or 256, "width": size or 256})
        processor.save_pretrained(folder)  # type: ignore[no-untyped-call]
        return f"hf:{folder}"

    return Pair(name, size or 256, model, loss, save, head)


def middles(targets: Tensor) -> Tensor:
    """Class, middle and size of each object; rows of none are 0."""
    low, high = targets[..., 1:3], targets[..., 3:5]
    found = torch.cat([targets[..., :1], (low + high) / 2, high - low], -1)
    return torch.where(targets[..., :1] >= 0, found, 0.0)


def _known(rows: Tensor) -> Tensor:
    """The rows of objects: targets are filled up to those of the image with the most."""
    return rows[rows[:, 0] >= 0]


MAKERS = {make.__name__: make for make in (unet, ssdlite, yolox, rtdetr, dfine)}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*MAKERS, []])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(run(options.repeats, names=options.names).markdown())
