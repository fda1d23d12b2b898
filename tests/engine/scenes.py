"""Runs on scenes in miniature: shapes, the maps of the toy backbone, and heads as small as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.cache.store import ActivationStore
from warmstart.data.schema import Split
from warmstart.data.stores import store_of
from warmstart.data.synthetic.scenes import generate_scenes
from warmstart.engine.data import RunData
from warmstart.model.catalog import load_backbone
from warmstart.model.detect.base import Detector, Found, Truth
from warmstart.model.maps import Maps
from warmstart.model.network import Network
from warmstart.model.pyramid import pyramid
from warmstart.planning.plan import CacheLimits
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.task.base import Task, task_of

SIZE, STRIDES = 32, (1, 2, 4)


def make_scenes(
    task: Literal["detect", "segment"],
    train: int = 12,
    val: int = 5,
    *,
    size: int = SIZE,
    folder: Path | None = None,
    limits: CacheLimits | None = None,
) -> RunData:
    dataset = generate_scenes(train + val, task, size=(40, 30), most=2)
    spec = PreprocessSpec(size=size, resize="pad")
    split = Split(np.arange(train), np.arange(train, train + val), np.arange(0), how="by hand")
    store = ActivationStore(folder, budget_bytes=1 << 28)
    return RunData(dataset, split, store_of(dataset, spec), spec, store, limits or CacheLimits())


class TinyDecoder(nn.Module):
    """Logits from each map alone, added up."""

    def __init__(self, maps: Maps, classes: int) -> None:
        super().__init__()
        self.maps, self.classes = maps, classes
        self.norm = nn.BatchNorm2d(maps.channels[0])
        self.tops = nn.ModuleList(nn.Conv2d(channels, classes, 3, padding=1) for channels in maps.channels)

    def forward(self, rows: Tensor) -> Tensor:
        here = self.maps.of_width(rows.shape[1])
        first, *others = here.unpack(rows)
        found: list[Tensor] = [
            functional.interpolate(top(each), (here.size, here.size), mode="bilinear")
            for top, each in zip(self.tops, [self.norm(first), *others], strict=True)
        ]
        return torch.stack(found).sum(0)

    @property
    def config(self) -> dict[str, Any]:
        return {"kind": "tiny", "maps": self.maps.to_dict(), "classes": self.classes}


class TinyDetector(Detector):
    """One box for each image, from the means of the maps; each image has a loss of its own."""

    def __init__(self, maps: Maps, classes: int) -> None:
        super().__init__(maps, classes)
        self.most, self.name, self.options = 2, "tiny", {}
        self.norm = nn.BatchNorm1d(sum(maps.channels))
        self.box = nn.Linear(sum(maps.channels), 4 + classes)

    def _said(self, maps: list[Tensor]) -> Tensor:
        out: Tensor = self.box(self.norm(torch.cat([each.mean((2, 3)) for each in maps], 1)))
        return out

    def learn(self, maps: list[Tensor], size: int, truths: Sequence[Truth]) -> Mapping[str, Tensor]:
        assert self.training
        said = self._said(maps)
        off, named = [said.sum() * 0], [said.sum() * 0]
        for row, truth in zip(said, truths, strict=True):
            if len(truth.boxes):
                off.append((row[:4] - truth.boxes / size).abs().mean())
                named.append(functional.cross_entropy(row[4:].expand(len(truth.classes), -1), truth.classes))
        return {"off": torch.stack(off).sum() / len(said), "named": torch.stack(named).sum() / len(said)}

    def find(self, maps: list[Tensor], size: int) -> Sequence[Found]:
        assert not self.training
        said = self._said(maps)
        scores, classes = said[:, 4:].softmax(1).max(1)
        return [Found(size * row[None, :4], s[None], c[None]) for row, s, c in zip(said, scores, classes, strict=True)]


def make_marker(data: RunData, size: int = SIZE) -> Network:
    backbone = pyramid(load_backbone("toy"), STRIDES, size=size)
    assert backbone.maps is not None
    kind = TinyDetector if data.dataset.target.kind == "detect" else TinyDecoder
    torch.manual_seed(0)
    return Network(backbone, kind(backbone.maps, len(data.dataset.target.classes)))


def task_for(data: RunData) -> Task:
    return task_of(data.dataset.target)
