"""A run in miniature: coloured noise in three classes, the toy backbone, everything in memory."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from warmstart.cache.store import ActivationStore
from warmstart.data.batches import PixelStore
from warmstart.data.schema import ClassTarget, Dataset, Sample, Split
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided, Event, Listener, silent
from warmstart.engine.loop import PhaseResult, run_phase
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.planning.compile import compile_plan
from warmstart.planning.edited import outlined
from warmstart.planning.plan import PhasePlan, Plan
from warmstart.recipe.of_backbone import BackboneStep
from warmstart.recipe.phase import GradientStep, Phase
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.step import ClosedForm
from warmstart.task.classify import CLASSIFY

CLASSES = ("red", "green", "blue")


def make_data(train: int = 24, val: int = 9, seed: int = 0, folder: Path | None = None, unlabelled: int = 0) -> RunData:
    """Images (32 x 32) whose class shows as a brighter channel under noise; those of no part come last."""
    rng = np.random.default_rng(seed)
    samples = []
    for i in range(train + val + unlabelled):
        image = rng.integers(0, 200, (32, 32, 3))
        image[..., i % 3] += rng.integers(10, 55)
        samples.append(
            Sample(id=f"row-{i}", source=image.astype(np.uint8), label=CLASSES[i % 3] if i < train + val else None)
        )
    dataset = Dataset(tuple(samples), ClassTarget(CLASSES), name="noise")
    spec = load_backbone("toy").preprocess
    n = train + val
    split = Split(np.arange(train), np.arange(train, n), np.arange(0), "by hand", (), np.arange(n, n + unlabelled))
    store = PixelStore(dataset, spec)
    return RunData(dataset, split, store, spec, ActivationStore(folder, budget_bytes=1 << 28))


def make_network(dropout: float = 0.0, seed: int = 0) -> Network:
    backbone = load_backbone("toy")
    return Network(backbone, CLASSIFY.head(backbone.out_features, ClassTarget(CLASSES), dropout=dropout, seed=seed))


def compiled(recipe: Recipe, network: Network, data: RunData) -> Plan:
    return compile_plan(recipe, outlined(network, recipe.edits), data.facts, limits=data.limits)


def phase_plan(phase: GradientStep, network: Network, data: RunData) -> PhasePlan:
    steps = (phase, ClosedForm()) if isinstance(phase, BackboneStep) else (phase,)
    plan = compiled(Recipe.model_validate({"name": "test", "steps": steps}), network, data).steps[0]
    assert isinstance(plan, PhasePlan)
    return plan


def train(
    phase: Phase | PhasePlan, network: Network, data: RunData, *, listener: Listener = silent, **options: Any
) -> PhaseResult:
    """Run one phase on `network`, in place."""
    plan = phase_plan(phase, network, data) if isinstance(phase, Phase) else phase
    return run_phase(network, plan, data, task=CLASSIFY, seed=0, rung="test", listener=listener, **options)


def state_of(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """Names whose bits differ."""
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


def identical(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return not changed(a, b)


@dataclasses.dataclass
class Told:
    """A listener that remembers."""

    events: list[Event] = dataclasses.field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def decided(self, words: str) -> list[Decided]:
        return [event for event in self.events if isinstance(event, Decided) and words in event.text]
