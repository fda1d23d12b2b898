"""The contenders. Each is prepared once for a setting, and then runs rounds: images, and the seconds they took."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import timm
import torch
from timm.data import ImageDataset, create_loader  # type: ignore[attr-defined]
from timm.optim import create_optimizer_v2  # type: ignore[attr-defined]
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets, transforms

from benchmarks.gpu.setting import CLASSES, MEAN, STD, Setting
from warmstart.cache.features import activations
from warmstart.cache.store import ActivationStore
from warmstart.data.pixels import PixelStore
from warmstart.data.schema import ClassTarget, Sample, Split
from warmstart.data.schema import Dataset as Labelled
from warmstart.engine.data import RunData
from warmstart.engine.events import silent
from warmstart.engine.loop import run_phase
from warmstart.model.catalog import load_backbone
from warmstart.planning.compile import compile_plan
from warmstart.planning.plan import CacheLimits, PhasePlan
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.task.classify import CLASSIFY
from warmstart.task.network import network_for

RATE = 1e-4
CROP = (0.7, 1.0)
Round = Callable[[], float]
"""One round; returns images per second. What comes before the first batch of a fine-tuning round does not count."""


def warmstart_round(setting: Setting) -> Round:
    """As `fit` runs it: features through the store of activations, training through a compiled phase."""
    backbone = load_backbone(f"timm:{setting.network}", pretrained=False)
    backbone.module.to(setting.device)
    given = data(setting)
    network = network_for(backbone, given.dataset.target)
    if setting.work == "extract":

        def extract() -> float:
            began = time.perf_counter()
            fresh = dataclasses.replace(given, cache=ActivationStore(None))  # nothing is known of the last round
            wanted = fresh.wanted(backbone.chain, dtype="bf16" if setting.short else "fp32")
            found = activations(wanted, -1, fresh.split.train)
            assert len(found) == setting.images
            return setting.images / (time.perf_counter() - began)

        return extract
    augment = "light" if setting.source == "files" else "none"
    same = {"epochs": 2, "batch_size": setting.batch, "schedule": "constant", "norm": "train"}
    phase = Phase.model_validate({"rates": (("*", RATE),), "augment": augment, **same})

    def finetune() -> float:
        trained = network.clone()
        (plan,) = compile_plan(Recipe(name="speed", steps=(phase,)), trained, given.facts, limits=given.limits).steps
        assert isinstance(plan, PhasePlan)
        found = run_phase(trained, plan, given, task=CLASSIFY, seed=0, rung="speed", listener=silent)
        return setting.images / found.curve[-1].values["seconds"]

    return finetune


def data(setting: Setting) -> RunData:
    """The images as warmstart reads them. Files are decoded in every epoch, as the others do: none are kept."""
    spec = PreprocessSpec(size=setting.size, crop_pct=0.875, mean=MEAN, std=STD)
    names = tuple(f"class-{i}" for i in range(CLASSES))
    if setting.source == "files":
        paths = sorted(setting.folder.rglob("*.jpg"))[: setting.images]
        samples = [Sample(path.name, path, path.parent.name) for path in paths]
        budget = 0
    else:
        images = setting.pixels().permute(0, 2, 3, 1).numpy()
        samples = [Sample(str(i), images[i], names[k]) for i, k in enumerate(setting.labels)]
        budget = 2**40
    dataset = Labelled(tuple(samples), ClassTarget(names), name="speed")
    store = PixelStore(dataset, spec, budget_bytes=budget)
    if budget:
        store.preload(range(len(dataset)))
    nothing = np.arange(0)
    split = Split(np.arange(len(dataset)), nothing, nothing, "all", (), nothing)
    limits = CacheLimits(dtype="bf16" if setting.short else "fp32")
    return RunData(dataset, split, store, spec, ActivationStore(None), limits=limits)


def plain_round(setting: Setting) -> Round:
    """A good PyTorch loop: bfloat16, channels last, a pinned DataLoader, pixels normalised on the device."""
    loader = DataLoader(
        _images(setting),
        setting.batch,
        shuffle=setting.work == "finetune",
        num_workers=setting.workers,
        pin_memory=setting.device.type == "cuda",
        persistent_workers=setting.workers > 0,
    )

    def optimizer(network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.AdamW(network.parameters(), RATE, fused=setting.device.type == "cuda")

    return _round(setting, Normalised(loader, setting.device), optimizer)


def timm_round(setting: Setting) -> Round:
    """Timm's API as its scripts `validate.py` and `train.py` use it: `create_loader` with its prefetcher, which
    normalises on the device, and `create_optimizer_v2`.
    """
    dataset: Any = Memory(setting)
    if setting.source == "files":
        dataset = ImageDataset(str(setting.folder))  # type: ignore[no-untyped-call]
    loader = create_loader(
        dataset,
        input_size=(3, setting.size, setting.size),
        batch_size=setting.batch,
        is_training=setting.work == "finetune",
        scale=CROP,
        color_jitter=0.0,
        mean=MEAN,
        std=STD,
        crop_pct=0.875,
        num_workers=setting.workers,
        persistent_workers=setting.workers > 0,
        pin_memory=setting.device.type == "cuda",
        device=setting.device,
        use_prefetcher=True,
    )

    def optimizer(network: nn.Module) -> torch.optim.Optimizer:
        found: torch.optim.Optimizer = create_optimizer_v2(network, opt="adamw", lr=RATE, weight_decay=1e-4)
        return found

    return _round(setting, loader, optimizer)


CONTENDERS = {"warmstart": warmstart_round, "plain": plain_round, "timm": timm_round}


class Memory(Dataset[tuple[Any, int]]):
    """Images in memory, uint8; what timm sets as `transform` is not asked for."""

    transform: Any = None

    def __init__(self, setting: Setting) -> None:
        self._pixels, self._labels = setting.pixels().numpy(), setting.labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, i: int) -> tuple[Any, int]:
        return self._pixels[i], self._labels[i]


def _images(setting: Setting) -> Dataset[Any]:
    if setting.source == "memory":
        return Memory(setting)
    size = setting.size
    seen = [transforms.Resize(int(size / 0.875)), transforms.CenterCrop(size)]
    drawn = [transforms.RandomResizedCrop(size, CROP), transforms.RandomHorizontalFlip()]
    steps = [*(drawn if setting.work == "finetune" else seen), transforms.PILToTensor()]
    found: Dataset[Any] = datasets.ImageFolder(str(setting.folder), transforms.Compose(steps))
    return found


class Normalised:
    """Batches of a loader, copied without waiting and normalised on the device."""

    def __init__(self, loader: Iterable[tuple[Tensor, Tensor]], device: torch.device) -> None:
        self._loader, self._device = loader, device
        self._mean, self._std = ((255 * torch.tensor(each)).view(1, 3, 1, 1).to(device) for each in (MEAN, STD))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for pixels, targets in self._loader:
            x = pixels.to(self._device, non_blocking=True).float().sub_(self._mean).div_(self._std)
            yield x, targets.to(self._device, non_blocking=True)


def _round(
    setting: Setting,
    batches: Iterable[tuple[Tensor, Tensor]],
    optimizer_of: Callable[[nn.Module], torch.optim.Optimizer],
) -> Round:
    network = timm.create_model(setting.network, pretrained=False, num_classes=CLASSES * (setting.work == "finetune"))
    network = network.to(setting.device).to(memory_format=torch.channels_last)
    optimizer, loss_of = optimizer_of(network), nn.CrossEntropyLoss()

    def extract() -> float:
        network.eval()
        began, found = time.perf_counter(), list[Tensor]()
        with torch.inference_mode(), setting.autocast():
            found.extend(network(_last(x)) for x, _ in batches)
        assert len(torch.cat(found).float().cpu()) == setting.images
        return setting.images / (time.perf_counter() - began)

    def epoch() -> float:
        network.train()
        began, seen = time.perf_counter(), 0
        for x, targets in batches:
            with setting.autocast():
                loss = loss_of(network(_last(x)), targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            seen += len(x)
        setting.wait()
        return seen / (time.perf_counter() - began)

    def finetune() -> float:
        epoch()
        return epoch()

    return extract if setting.work == "extract" else finetune


def _last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)
