"""Bundles whose answers have parts (boxes, tags of words, steps, written words), resting on something planted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.explaining.helpers import GOOD, fitted
from tests.exporting import bundles
from warmstart.data.futures import ForecastTarget
from warmstart.data.targets import TagTarget
from warmstart.data.words import words_of
from warmstart.model.catalog import load_backbone
from warmstart.model.detect.base import Detector, Found
from warmstart.model.head import LinearHead
from warmstart.model.maps import Maps
from warmstart.model.network import Network
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.inference import Readable
from warmstart.shipping.reading import as_samples
from warmstart.shipping.words import in_words
from warmstart.task.base import suited
from warmstart.task.network import network_for

SIDE, CELL = 64, 16


def scene(*cells: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Grey noise (64, 64, 3) with a red patch in some of 4 x 4 cells (row, column)."""
    pixels = np.random.default_rng(seed).normal(110, 10, (SIDE, SIDE, 3))
    for row, column in cells:
        pixels[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL] = (230, 20, 20)
    return pixels.clip(0, 255).astype(np.uint8)


class Cells(Detector):
    """A box for each cell of the coarsest map that its linear readout takes for a patch."""

    def __init__(self, maps: Maps, classes: int, readout: LinearHead) -> None:
        super().__init__(maps, classes)
        self.readout = readout

    def find(self, maps: list[Tensor], size: int) -> Sequence[Found]:
        found = []
        for image in maps[1]:
            side = image.shape[-1]
            scores = self.readout(image.flatten(1).T).softmax(1)[:, 1]
            order = scores.argsort(descending=True)
            order = order[scores[order] > 0.05]
            left, top = order % side * size / side, order // side * size / side
            boxes = torch.stack([left, top, left + size / side, top + size / side], 1)
            found.append(Found(boxes, scores[order], torch.zeros_like(order)))
        return found


def of_boxes(folder: Path) -> Bundle:
    """A detector of red patches: a readout of maps of 4 x 4 places that was fitted to 24 scenes."""
    made, _ = bundles.detect(folder)
    backbone = made.networks[0].facts
    assert backbone.maps is not None
    cells = [(i // 4 % 4, i % 4) for i in range(24)]
    batch = next(iter(Readable(as_samples([scene(cell, seed=i) for i, cell in enumerate(cells)]), made.spec, 24)))
    with torch.no_grad():
        maps = backbone.maps.unpack(backbone.module.eval()(batch))[1]
    rows = maps.permute(0, 2, 3, 1).flatten(0, 2)
    truth = np.zeros((24, 4, 4), np.int64)
    for i, cell in enumerate(cells):
        truth[(i, *cell)] = 1
    head = Cells(backbone.maps, 2, fitted(rows, truth.ravel()))
    network = Network(backbone, head).eval().requires_grad_(False)
    return dataclasses.replace(made, networks=(network,))


def of_tags(folder: Path) -> Bundle:
    """A tagger of words of praise, on the text model that is installed with the package."""
    target = TagTarget(("O", "PRAISE"))
    backbone = suited(load_backbone("minilm"), target)
    sentences = ("The film at the old theatre was {} last night.", "We found that {} soup in a small town.")
    samples = in_words(as_samples([one.format(word) for one in sentences for word in GOOD], backbone.spec))
    rows, truth = [], []
    for sample in samples:
        words = words_of(sample.source)
        (read,) = backbone.spec.encode_words([words])  # type: ignore[union-attr]
        with torch.no_grad():
            features = backbone.module.eval()(torch.from_numpy(read.tokens)[None].long())[0]
        rows += [features[at] for at in read.starts.tolist()]
        truth += [int(word in GOOD) for word in words]
    head = fitted(torch.stack(rows), np.array(truth))
    return bundles.written(folder, Network(backbone, head), target, [sample.source for sample in samples[:2]])


def of_future(folder: Path) -> Bundle:
    """A forecast that is the last season of 4 steps again, whatever a network whose head is all zeros reads."""
    target = ForecastTarget(4, 64, season=4, quantiles=(0.1, 0.5, 0.9))
    network = network_for(suited(load_backbone("toy_series"), target), target)
    for parameter in network.head.parameters():
        parameter.data.zero_()
    return bundles.written(folder, network, target, bundles.windows())


def makers() -> dict[str, Any]:
    """By task."""
    return {"detect": of_boxes, "tag": of_tags, "forecast": of_future}
