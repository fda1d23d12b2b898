"""Gradual unfreezing in four stages: a plain loop that recomputes everything, and warmstart with and without its cache.

The plain loop freezes by `requires_grad`, so autograd skips what is frozen; its backbone is in eval mode, and its
workers, which decode and resize each image in each epoch, live as long as it does. Same weights, rates, optimizer,
schedule, batch size and order; what differs are the losses' last digits. Each run is a process of its own: the plain
loop has the memory allocator's defaults, as its users do, and once more keeps freed buffers, as warmstart does.
"""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler
from torchvision import transforms
from torchvision.datasets import ImageFolder

from benchmarks.datasets import Prepared, prepare
from benchmarks.micro.measure import Run, Table, interleaved, machine, median, own_process
from benchmarks.micro.runs import fresh, network
from warmstart.data.batches import batch_order
from warmstart.data.sources import load
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.events import Event, Finished
from warmstart.engine.run import run_recipe
from warmstart.engine.seeds import derive
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.planning.compile import compile_plan
from warmstart.planning.plan import CacheLimits, DataFacts, PhasePlan
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.schedule import factor
from warmstart.task.base import tasks

SIZE, TRAIN, EPOCHS = 128, 500, 3
MODULE = "benchmarks.micro.gradual"
STAGES = ("head", "last block", "last two blocks", "all")


def recipe() -> Recipe:
    """`gradual` with three epochs in every stage and one rate throughout, so that a plain loop can do the same."""
    found = load_recipe("gradual", stage_epochs=EPOCHS, epochs=EPOCHS)
    steps = [step.model_copy(update={"schedule": "cosine"}) for step in found.steps if isinstance(step, Phase)]
    return found.model_copy(update={"steps": tuple(steps)})


def run(repeats: int) -> Table:
    """Seconds per stage and in all, on Fashion-MNIST as PNG files."""
    contenders: dict[str, Run] = {name: functools.partial(own_process, "-m", MODULE, name) for name in WAYS}
    figures = interleaved(contenders, repeats, uncounted=0)
    rows = []
    for name in WAYS:
        stages = [median(figures, name, stage) for stage in STAGES]
        before, total = sum(stages[:-1]), sum(stages)
        slow = [median(figures, PLAIN, stage) for stage in STAGES]
        ratios = f"{sum(slow[:-1]) / before:.1f}", f"{sum(slow) / total:.1f}"
        loss = f"{median(figures, name, 'loss'):.5f}"
        rows.append((name, *(f"{s:.1f}" for s in stages), f"{total:.1f}", *ratios, loss))
    header = ("", *(f"{stage} (s)" for stage in STAGES), "total (s)", "x before the last", "x in all", "last loss")
    notes = (
        f"{machine()}; medians of {repeats}",
        f"Lite0, {TRAIN} images of Fashion-MNIST at {SIZE} px, 4 stages of {EPOCHS} epochs, batches of 32, AdamW",
    )
    return Table("Gradual unfreezing", header, tuple(rows), notes, figures)


def ours(prepared: Prepared, limits: CacheLimits) -> dict[str, float]:
    """Warmstart with an empty cache and nothing decoded."""
    backbone, seconds = load_backbone("lite0"), dict[str, float]()

    def hear(event: Event) -> None:
        if isinstance(event, Finished) and event.what.startswith("phase "):
            seconds[event.what.removeprefix("phase ")] = event.seconds

    with fresh(prepared, backbone, SIZE, limits, test=False) as data:
        result = run_recipe(recipe(), network(backbone, data), data, task=tasks["classify"], listener=hear)
    return {**seconds, "loss": result.curve[-1].values["train_loss"]}


class Order(Sampler[list[int]]):
    """warmstart's order of the epoch under way."""

    def __init__(self, count: int, batch: int) -> None:
        self.count, self.batch, self.epoch = count, batch, 0

    def __iter__(self):  # type: ignore[no-untyped-def]  # the base class says no more
        seed = derive(0, "batches")
        yield from (b.tolist() for b in batch_order(self.count, self.batch, True, seed, self.epoch))


def plain(data: Prepared) -> dict[str, float]:
    """The same training as a PyTorch loop."""
    backbone = load_backbone("lite0")
    target = load(data.root / "train").target
    model = Network(backbone, tasks["classify"].head(backbone.out_features, target, seed=0))
    facts = DataFacts(train=TRAIN, val=0, outputs=len(target.classes), size=SIZE)
    plans = compile_plan(recipe(), model, facts).steps
    resize = transforms.Resize((SIZE, SIZE), transforms.InterpolationMode.BICUBIC)
    normalise = transforms.Compose([resize, transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])
    order = Order(TRAIN, 32)
    images = ImageFolder(str(data.root / "train"), normalise)
    loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
        images, batch_sampler=order, num_workers=2, persistent_workers=True
    )
    found: dict[str, float] = {}
    for plan in plans:
        assert isinstance(plan, PhasePlan)
        began = time.perf_counter()
        found["loss"] = _stage(model, plan, loader, order)
        found[plan.phase.name] = time.perf_counter() - began
    return found


def _stage(model: Network, plan: PhasePlan, loader: DataLoader[tuple[Tensor, Tensor]], order: Order) -> float:
    named = dict(model.named_parameters())
    for name, parameter in named.items():
        parameter.requires_grad_(name not in plan.frozen)
    groups = [
        {"params": [named[n] for n in g.parameters], "lr": float(g.rate) * g.scale, "weight_decay": g.weight_decay}
        for g in plan.groups
    ]
    optimizer = torch.optim.AdamW(groups)
    full = [group["lr"] for group in optimizer.param_groups]
    model.eval()  # no statistics move, as in the recipe
    step, loss_sum = 0, 0.0
    for epoch in range(EPOCHS):
        order.epoch, loss_sum = epoch, 0.0
        for x, y in loader:
            share = factor(plan.phase.schedule, step, plan.steps, plan.phase.warmup)
            for group, rate in zip(optimizer.param_groups, full, strict=True):
                group["lr"] = rate * share
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([p for g in groups for p in g["params"]], plan.phase.clip or float("inf"))
            optimizer.step()
            loss_sum, step = loss_sum + loss.item() * len(y), step + 1
    return loss_sum / TRAIN


PLAIN = "plain loop"
WAYS: dict[str, Callable[[Prepared], dict[str, float]]] = {
    PLAIN: plain,
    f"{PLAIN}, buffers kept": plain,
    "warmstart, nothing kept": functools.partial(ours, limits=CacheLimits(total=0, memory=0)),
    "warmstart": functools.partial(ours, limits=CacheLimits()),
}


def main() -> None:
    """What such a process does."""
    name = sys.argv[1]
    if name != PLAIN:
        keep_buffers()
    print(json.dumps(WAYS[name](prepare("fashion", TRAIN, 100, 0))))


if __name__ == "__main__":
    main()
