"""A ladder in miniature: noise in three classes with a test part, and rungs whose answers are written down."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.engine.helpers import CLASSES, make_data
from warmstart.data.schema import IntArray, Split
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Listener, silent
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import Earlier, Role
from warmstart.errors import TrainingError
from warmstart.model.catalog import load_backbone
from warmstart.task.classify import CLASSIFY


def divided(train: int = 24, val: int = 12, test: int = 9) -> RunData:
    """The data of `make_data`, the last `test` samples of it kept for the end."""
    data = make_data(train, val + test)
    order = np.arange(train + val + test)
    split = Split(order[:train], order[train : train + val], order[train + val :], how="by hand")
    return dataclasses.replace(data, split=split)


def make_context(
    data: RunData | None = None,
    *,
    seconds: float | None = None,
    listener: Listener = silent,
    folder: Path | None = None,
    **options: Any,
) -> LadderContext:
    return LadderContext(
        backbone=load_backbone("toy"),
        data=data if data is not None else divided(),
        task=CLASSIFY,
        deadline=Deadline(seconds),
        listener=listener,
        folder=folder,
        **options,
    )


def answers(targets: Tensor, right: Sequence[bool], sure: float = 3.0) -> Tensor:
    """Logits (n, classes): the true class where `right`, the next one elsewhere, by a margin of `sure`."""
    said = torch.where(torch.tensor(list(right), dtype=torch.bool), targets, (targets + 1) % len(CLASSES))
    return sure * torch.nn.functional.one_hot(said, len(CLASSES)).float()


@dataclasses.dataclass
class Scripted:
    """A rung that gets the first `right` validation samples right, says it takes `takes` seconds, and takes none."""

    name: str
    right: int = 0
    takes: float = 0.0
    role: Role = "candidate"
    after: tuple[str, ...] = ()
    made_of: tuple[str, ...] = ()
    free: bool = True
    sure: float = 3.0
    fails: bool = False
    stops: str = ""
    about: str = "answers that are written down"
    seen: list[tuple[RunData, tuple[str, ...]]] = dataclasses.field(default_factory=list)
    """What `again` was given: the data, and the names of what was done again before."""

    def seconds(self, context: LadderContext) -> float:
        return self.takes

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        if self.fails:
            raise TrainingError("the loss is not finite")

        def outputs(indices: IntArray) -> Tensor:
            return answers(context.data.targets(indices), [i < self.right for i in range(len(indices))], self.sure)

        settings: dict[str, object] = {"share": 0.5} if self.free else {}
        val = outputs(context.data.split.val)
        return Contender(self.name, outputs, val, settings=settings, made_of=self.made_of)

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        self.seen.append((context.data, tuple(earlier)))
        return dataclasses.replace(self.climb(context, earlier), settings=first.settings, stopped=self.stops)
