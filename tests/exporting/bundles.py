"""A small bundle for each task, of networks that nobody trained but whose numbers differ from those of any rebuild."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.model.text.tiny import save
from tests.shipping.helpers import CLASSES, a_network
from warmstart.data.futures import ForecastTarget, Window
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Sample, Series, Text
from warmstart.data.targets import AnomalyTarget, ClassTarget, LabelsTarget, NumberTarget, TagTarget, Target, TextTarget
from warmstart.model.anomaly import NeighboursHead
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.write import write_bundle
from warmstart.task.base import suited, task_of
from warmstart.task.network import network_for

TEXTS = ("the cat runs in the park", "red star sings a song on the phone", "one two three", "money", "good match!")
TAGS = ("O", "B-X", "I-X")


def written(
    folder: Path, network: Network | list[Network], target: Target, golden: Sequence[Any], **how: Any
) -> Bundle:
    networks = network if isinstance(network, list) else [network]
    for each in networks:
        each.eval()
    made = write_bundle(
        folder,
        networks,
        target=target,
        preprocess=networks[0].facts.spec,
        golden=golden,
        recipes=["probe"] * len(networks),
        recipe="name: probe\n",
        **how,
    )
    return Bundle.load(made)


def shaken(network: Network, seed: int = 1) -> Network:
    """The network with a little added to every weight."""
    make = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in network.parameters():
            tensor.add_(0.05 * torch.randn(tensor.shape, generator=make))
    return network.eval()


def pictures(n: int = 8, seed: int = 0, side: int = 32) -> list[np.ndarray]:
    make = np.random.default_rng(seed)
    return [make.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in range(n)]


def waves(n: int = 8, steps: int = 64, channels: int = 1) -> list[Series]:
    make = np.random.default_rng(0)
    time = np.arange(steps)
    return [
        Series(np.stack([10 + 3 * np.sin(time / make.uniform(2, 9)) + make.normal(0, 0.3, steps)] * channels))
        for _ in range(n)
    ]


def windows(n: int = 6, context: int = 64) -> list[Sample]:
    return [
        Sample(f"w{i}", Window(each.values, past=each.values[0], step=context))
        for i, each in enumerate(waves(n, context))
    ]


def classify(folder: Path) -> tuple[Bundle, list[Any]]:
    members = [a_network(0), a_network(1)]
    return written(folder, members, ClassTarget(CLASSES), pictures(), temperature=1.7), pictures(seed=1)


def multilabel(folder: Path) -> tuple[Bundle, list[Any]]:
    return written(folder, a_network(2), LabelsTarget(CLASSES), pictures()), pictures(seed=1)


def regress(folder: Path) -> tuple[Bundle, list[Any]]:
    target = NumberTarget(("age", "height", "weight"), (40.0, 170.0, 70000.0), (9.0, 8.0, 12000.0))
    return written(folder, a_network(3), target, pictures()), pictures(seed=1)


def tag(folder: Path) -> tuple[Bundle, list[Any]]:
    target = TagTarget(TAGS)
    backbone = suited(load_backbone(f"hf:{save(folder.parent / 'model')}"), target)
    network = shaken(Network(backbone, task_of(target).head(backbone.out_features, target)))
    return written(folder, network, target, [Text((text,)) for text in TEXTS]), list(TEXTS)


def generate(folder: Path) -> tuple[Bundle, list[Any]]:
    backbone = suited(load_backbone(f"hf:{save(folder.parent / 'writer', 'gpt2')}"), TextTarget())
    return written(folder, network_for(backbone, TextTarget()), TextTarget(), list(TEXTS)), list(TEXTS)


def forecast(folder: Path) -> tuple[Bundle, list[Any]]:
    target = ForecastTarget(4, 64, season=4, quantiles=(0.1, 0.5, 0.9))
    network = shaken(network_for(suited(load_backbone("series"), target), target))
    return written(folder, network, target, windows()), windows()


def anomaly(folder: Path) -> tuple[Bundle, list[Any]]:
    backbone, make = load_backbone("toy", pretrained=False), torch.Generator().manual_seed(0)
    head = NeighboursHead(backbone.out_features, 40)
    with torch.no_grad():
        features = backbone.module.eval()(torch.rand(40, 3, 32, 32, generator=make))
        head.mean.copy_(features.mean(0))
        head.std.copy_(features.std(0) + 0.1)
        head.set_bank((features - head.mean) / head.std)
        head.calibrate(head.distance((features - head.mean) / head.std + 0.1))
    return written(folder, Network(backbone, head), AnomalyTarget(("good", "anomaly")), pictures()), pictures(seed=1)


def segment(folder: Path) -> tuple[Bundle, list[Any]]:
    target = MaskTarget(("sky", "sea"))
    network = shaken(network_for(load_backbone("toy", pretrained=False), target))
    return written(folder, network, target, pictures()), pictures(seed=1)


def detect(folder: Path, head: str = "fcos?channels=32&convs=1", size: int = 64) -> tuple[Bundle, list[Any]]:
    target = BoxTarget(("cat", "dog"), head)
    backbone = load_backbone("timm:resnet10t", pretrained=False)
    backbone = dataclasses.replace(backbone, spec=backbone.preprocess.with_size(size))
    network = shaken(network_for(suited(backbone, target), target))
    return written(folder, network, target, pictures(side=size)), pictures(seed=1, side=size)


MAKERS: dict[str, Callable[[Path], tuple[Bundle, list[Any]]]] = {
    maker.__name__: maker
    for maker in (classify, multilabel, regress, tag, generate, forecast, anomaly, segment, detect)
}
"""By task: a bundle, and inputs that are not among its golden samples."""
