"""Bundles whose answers rest on something that was planted, so that it is known what an explanation should say."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from warmstart.data.several import SeveralTarget
from warmstart.data.targets import AnomalyTarget, ClassTarget, LabelsTarget, NumberTarget, Target
from warmstart.evaluation.unknowns import Bank
from warmstart.model.anomaly import NeighboursHead
from warmstart.model.catalog import load_backbone
from warmstart.model.from_data import from_data
from warmstart.model.head import KNNHead, LinearHead
from warmstart.model.network import Network
from warmstart.model.several import SeveralHead
from warmstart.preprocess.kinds import of_series as of_series_spec
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.known import Known
from warmstart.shipping.reading import as_samples, read, stacked
from warmstart.shipping.reference import Reference
from warmstart.shipping.write import write_bundle
from warmstart.task.network import network_for

SIDE, PATCH = 32, 10
COLOURS = {"red": (230, 30, 30), "green": (30, 200, 40)}
NAMES = tuple(COLOURS)


def patched(name: str, seed: int) -> Image.Image:
    """Grey noise with a patch in its upper left corner, by whose colour alone classes differ."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(120, 12, (SIDE, SIDE, 3))
    pixels[:PATCH, :PATCH] = np.array(COLOURS[name]) + rng.normal(0, 8, (PATCH, PATCH, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def images(count: int = 40) -> tuple[list[Image.Image], npt.NDArray[np.int64]]:
    """Images and the numbers of their classes."""
    truth = np.arange(count) % 2
    return [patched(NAMES[k], i) for i, k in enumerate(truth)], truth


def bumped(up: int, at: int, seed: int, steps: int = 128) -> npt.NDArray[np.float64]:
    """Noise of one channel with a bump of 16 steps, up or down."""
    series = np.random.default_rng(seed).normal(0, 0.1, (1, steps))
    series[0, at : at + 16] += (2 * up - 1) * 3 * np.hanning(16)
    return series


def fitted(features: Tensor, truth: npt.NDArray[np.int64]) -> LinearHead:
    """A logistic head on standardised features."""
    mean, std = features.mean(0), features.std(0) + 1e-3
    model = LogisticRegression(C=0.1, max_iter=500).fit(((features - mean) / std).numpy(), truth)
    weight, bias = torch.tensor(model.coef_).float(), torch.tensor(model.intercept_).float()
    if len(weight) == 1:  # scikit-learn has one row for two classes
        weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
    head = LinearHead(features.shape[1], len(weight))
    head.set_linear(weight, bias, mean, std)
    return head


def features_of(backbone: Any, inputs: Sequence[Any]) -> Tensor:
    """Features of inputs, as a bundle reads them."""
    samples = as_samples(list(inputs), backbone.spec)
    rows = [stacked([read(sample, backbone.spec)], backbone.spec) for sample in samples]
    with torch.no_grad():
        return torch.cat([backbone.module.eval()(row) for row in rows])


def written(
    folder: Path,
    networks: Network | list[Network],
    target: Target,
    golden: Sequence[Any],
    reference: Reference | None = None,
) -> Bundle:
    """A bundle of networks."""
    several = networks if isinstance(networks, list) else [networks]
    facts = {"preprocess": several[0].facts.spec, "recipes": ["probe"] * len(several), "recipe": "name: probe\n"}
    write_bundle(folder, several, target=target, golden=list(golden), reference=reference, **facts)  # type: ignore[arg-type]
    return Bundle.load(folder)


def of_images(folder: Path, head: str = "linear") -> Bundle:
    """A classifier of `images` on the toy, with a head of some kind and a bank of named training samples."""
    inputs, truth = images()
    backbone = load_backbone("toy")
    rows = features_of(backbone, inputs)
    known = tuple(Known(f"train/{i}.png", NAMES[k]) for i, k in enumerate(truth))
    reference = Reference(None, dataclasses.replace(Bank.of(rows), threshold=2.0), known)
    chosen: nn.Module = fitted(rows, truth)
    if head == "knn":
        chosen = KNNHead(rows.shape[1], 2, len(rows), k=3)
        chosen.set_bank(rows, torch.from_numpy(truth))
    networks = [Network(backbone, chosen)]
    if head == "ensemble":
        other = load_backbone("toy", pretrained=False, seed=7)
        networks.append(Network(other, fitted(features_of(other, inputs), truth)))
    return written(folder, networks, ClassTarget(NAMES), inputs[:2], reference)


def of_task(folder: Path, task: str) -> Bundle:
    """A bundle of a task for images, on the toy."""
    inputs, truth = images()
    backbone = load_backbone("toy")
    rows = features_of(backbone, inputs)
    linear, one = fitted(rows, truth), LinearHead(rows.shape[1], 1)
    one.set_linear(linear.linear.weight[1:], linear.linear.bias[1:], linear.mean, linear.std)
    if task == "regress":
        return written(folder, Network(backbone, one), NumberTarget(("kg",), (4.0,), (2.0,)), inputs[:2])
    if task == "multilabel":
        return written(folder, Network(backbone, linear), LabelsTarget(NAMES), inputs[:2])
    if task == "anomaly":
        head = NeighboursHead(rows.shape[1], 20)
        head.set_bank(rows[truth == 0])
        head.calibrate(torch.linspace(0.5, 2, 20))
        return written(folder, Network(backbone, head), AnomalyTarget(("good", "anomaly")), inputs[:2])
    if task == "several":
        parts = (("colour", ClassTarget(NAMES)), ("kg", NumberTarget(("kg",), (4.0,), (2.0,))))
        return written(folder, Network(backbone, SeveralHead([linear, one])), SeveralTarget(parts), inputs[:2])
    raise ValueError(task)


def of_masks(folder: Path) -> Bundle:
    """A segmenter with a decoder that has learned nothing."""
    from warmstart.data.scenes import MaskTarget

    target = MaskTarget(("background", "patch"), "unet?channels=16,16,8,8,8")
    network = network_for(load_backbone("toy"), target, seed=0)
    return written(folder, network.eval(), target, images(2)[0])


def of_series(folder: Path, backbone: str = "toy_series") -> Bundle:
    """A classifier of series with a bump up or down, somewhere."""
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2
    inputs = [bumped(int(k), int(rng.integers(0, 112)), i) for i, k in enumerate(truth)]
    found = load_backbone(backbone)
    found = dataclasses.replace(found, spec=dataclasses.replace(of_series_spec(found.spec), size=128, scale="none"))
    rows, part = torch.from_numpy(np.stack(inputs)).float(), from_data(found.module)
    if part is not None:
        part.learn(len(rows), lambda indices: rows[torch.from_numpy(indices)], 0)
    head = fitted(features_of(found, inputs), truth)
    return written(folder, Network(found, head), ClassTarget(("down", "up")), inputs[:2])


GOOD, BAD = ("wonderful", "superb", "delightful", "brilliant"), ("terrible", "dreadful", "awful", "horrible")
SENTENCES = ("The film at the old theatre was {} last night.", "We found that {} soup in a small town by the river.")


def of_texts(folder: Path) -> Bundle:
    """A classifier of sentences that differ in one word, on the text model that is installed with the package."""
    texts = [sentence.format(word) for sentence in SENTENCES for word in (*GOOD, *BAD)]
    truth = np.array([k for _ in SENTENCES for k in [1] * len(GOOD) + [0] * len(BAD)])
    backbone = load_backbone("minilm")
    head = fitted(features_of(backbone, texts), truth)
    return written(folder, Network(backbone, head), ClassTarget(("bad", "good")), texts[:2])
