"""`compare` of five methods on five folds against one plain fine-tune of the same folds, as a PyTorch loop.

The five share the frozen part below the last two blocks (one of them the part below the last block). The plain loop
freezes the same by `requires_grad`, its backbone in eval mode; its workers decode and resize each image in each epoch
and live as long as a fold. Each run is a process of its own, from its start to the accuracies; the statistics and the
page of `compare` count as well.
"""

from __future__ import annotations

import functools
import json
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from benchmarks.datasets import prepare
from benchmarks.micro.measure import Run, Table, interleaved, machine, median, own_process
from warmstart.api.compare import compare
from warmstart.data.sources import load
from warmstart.engine.trials.folds import make_folds
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.planning.compile import compile_plan
from warmstart.planning.plan import DataFacts, PhasePlan
from warmstart.recipe.methods import load_recipe
from warmstart.task.base import tasks

MODULE = "benchmarks.micro.compare"
SIZE, TRAIN, EPOCHS, FOLDS = 128, 300, 5, 5
TUNE = f"finetune?epochs={EPOCHS}"
METHODS = (
    "probe",
    TUNE,
    f"finetune?from_block=-1&epochs={EPOCHS}",
    f"lp_ft?from_block=-2&epochs={EPOCHS}",
    f"bias_only?from_block=-2&epochs={EPOCHS}",
)


def run(repeats: int) -> Table:
    """Seconds in all, and the accuracy of the fine-tune."""
    contenders: dict[str, Run] = {name: functools.partial(own_process, "-m", MODULE, name) for name in WAYS}
    figures = interleaved(contenders, repeats, uncounted=0)
    slow = median(figures, PLAIN, "seconds")
    rows = [
        (
            name,
            f"{median(figures, name, 'seconds'):.1f}",
            f"{median(figures, name, 'seconds') / slow:.2f}",
            f"{median(figures, name, 'accuracy'):.3f}",
        )
        for name in WAYS
    ]
    notes = (
        f"{machine()}; medians of {repeats}",
        f"Lite0, {TRAIN} images of Fashion-MNIST at {SIZE} px, {FOLDS} folds, {EPOCHS} epochs, batches of 32",
        f"methods of compare: {', '.join(METHODS)}",
    )
    return Table(
        "Compare", ("", "seconds", "times the plain loop", "accuracy of finetune"), tuple(rows), notes, figures
    )


def ours(folder: Path) -> dict[str, float]:
    """With an empty cache and nothing decoded."""
    with tempfile.TemporaryDirectory() as place:
        options = {"out": f"{place}/run", "cache": f"{place}/cache", "size": SIZE, "folds": FOLDS, "budget": "1h"}
        found = compare(str(folder), methods=list(METHODS), **options).comparison  # type: ignore[arg-type]
    tuned = next(entry for entry in found.entries if entry.name == TUNE)
    return {"accuracy": tuned.metrics["accuracy"].value}


def plain(folder: Path) -> dict[str, float]:
    """The fine-tune of every fold, as a loop."""
    dataset, backbone = load(folder), load_backbone("lite0")
    resize = transforms.Resize((SIZE, SIZE), transforms.InterpolationMode.BICUBIC)
    images = ImageFolder(
        str(folder), transforms.Compose([resize, transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])
    )
    images.samples = [(str(sample.source), images.class_to_idx[str(sample.label)]) for sample in dataset.samples]
    right = 0
    for fold in make_folds(dataset, FOLDS, (0,)).every:
        model = Network(backbone.clone(), tasks["classify"].head(backbone.out_features, dataset.target, seed=0))
        facts = DataFacts(len(fold.split.train), 0, len(dataset.target.classes), SIZE)
        (plan,) = compile_plan(load_recipe(TUNE), model, facts).steps
        assert isinstance(plan, PhasePlan)
        _tune(model, plan, Subset(images, fold.split.train.tolist()))
        with torch.inference_mode():
            for x, y in DataLoader(Subset(images, fold.split.test.tolist()), 64, num_workers=2):
                right += int((model(x).argmax(1) == y).sum())
    return {"accuracy": right / len(dataset)}


def _tune(model: Network, plan: PhasePlan, images: Subset) -> None:  # type: ignore[type-arg]
    named = dict(model.named_parameters())
    for name, parameter in named.items():
        parameter.requires_grad_(name not in plan.frozen)
    groups = [
        {"params": [named[n] for n in g.parameters], "lr": float(g.rate) * g.scale, "weight_decay": g.weight_decay}
        for g in plan.groups
    ]
    optimizer = torch.optim.AdamW(groups)
    loader = DataLoader(images, 32, shuffle=True, num_workers=2, persistent_workers=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * len(loader))
    model.eval()  # no statistics move, as in the recipe
    for _ in range(EPOCHS):
        for x, y in loader:
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


PLAIN = "plain fine-tune"
WAYS = {PLAIN: plain, "warmstart compare, five methods": ours}

if __name__ == "__main__":
    began = time.perf_counter()
    found = WAYS[sys.argv[1]](prepare("fashion", TRAIN, 1, 0).root / "train")
    print(json.dumps({**found, "seconds": time.perf_counter() - began}))
