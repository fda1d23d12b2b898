"""Sources and targets in miniature: what tells the classes is the same in both, and what it looks like is not."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.engine.helpers import make_data, make_network
from tests.engine.texts import ABOUT, FILLER, spec, text_network, texts
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import Dataset, Sample, Series, Split, Text
from warmstart.data.stores import store_of
from warmstart.data.targets import ClassTarget
from warmstart.engine.data import RunData
from warmstart.engine.finished import RecipeResult
from warmstart.engine.run import run_recipe
from warmstart.evaluation.predict import predict_outputs
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.preprocess.kinds import Spec
from warmstart.recipe.recipe import Recipe
from warmstart.task.classify import CLASSIFY

METHODS = ("mcc", "dann", "cdan", "dan", "coral", "mdd", "adabn", "shot", "selftrain")
VAL = 9


def with_target(
    source: Sequence[Sample],
    target: Sequence[Sample],
    classes: Sequence[str],
    spec: Spec,
    *,
    labels: Callable[[int], str | None] = lambda _: None,
    folder: Path | None = None,
    kept: bool = True,
) -> RunData:
    """Training samples of both, the last of the source to validate on; the target's are given other labels, or none."""
    named = tuple(Sample(f"target {i}", one.source, labels(i)) for i, one in enumerate(target))
    dataset = Dataset((*source, *named), ClassTarget(tuple(classes)), name="both")
    train, n = len(source) - VAL, len(source)
    parts = (np.arange(train), np.arange(train, n), np.arange(0))
    split = Split(*parts, how="by hand", unlabelled=np.arange(n, n + len(target)))
    room = 1 << 28 if kept else 0
    return RunData(dataset, split, store_of(dataset, spec), spec, ActivationStore(folder, budget_bytes=room))


def dimmed(image: Any) -> Any:
    """A picture of less contrast, and brighter."""
    return (image.astype(np.float32) * 0.6 + 60).astype(np.uint8)


def images(train: int = 60, target: int = 60, seed: int = 0, **how: Any) -> RunData:
    source = make_data(train=train, val=VAL, seed=seed).dataset
    other = make_data(train=target, val=0, seed=seed + 5).dataset.samples
    dim = [dataclasses.replace(one, source=dimmed(one.source)) for one in other]
    return with_target(source.samples, dim, source.target.classes, load_backbone("toy").preprocess, **how)


def series(train: int = 30, target: int = 30) -> RunData:
    """Waves of three frequencies; the target's are noisier and on a slope."""
    rng, found = np.random.default_rng(0), []
    for i in range(train + VAL + target):
        steps, other = np.linspace(0, 1, 64), i >= train + VAL
        wave = np.sin(2 * np.pi * (2 + 4 * (i % 3)) * steps + rng.uniform(0, 6))
        values = wave + rng.normal(0, 0.3 if other else 0.1, 64) + (2 * steps if other else 0)
        found.append(Sample(f"row-{i}", Series(values[None].astype(np.float32)), "abc"[i % 3]))
    backbone = load_backbone("toy_series")
    return with_target(found[: train + VAL], found[train + VAL :], "abc", backbone.spec)


def of_texts(train: int = 24, target: int = 21) -> RunData:
    """Texts on three subjects; those of the target are longer."""
    source, rng = texts(train + VAL), np.random.default_rng(3)
    about = list(ABOUT.values())
    longer = [
        Sample(f"{i}", Text((" ".join([*rng.choice(FILLER, 9), *rng.choice(about[i % 3].split(), 2)]),)))
        for i in range(target)
    ]
    return with_target(source.samples, longer, source.target.classes, spec())


@functools.cache
def _series_network() -> Network:
    backbone = load_backbone("toy_series")
    return Network(backbone, CLASSIFY.head(backbone.out_features, ClassTarget(tuple("abc")), seed=0))


def network_for(data: RunData) -> Network:
    if data.dataset.kind == "text":
        return text_network()
    return _series_network() if data.dataset.kind == "series" else make_network()


def adapt(recipe: Recipe, data: RunData, **how: Any) -> RecipeResult:
    return run_recipe(recipe, network_for(data), data, task=CLASSIFY, **how)


def accuracy(network: torch.nn.Module, data: RunData) -> float:
    """On the target, where the i-th sample is of class i % 3."""
    chosen = np.asarray(data.split.unlabelled)
    found = predict_outputs(network, data.store, chosen).argmax(1).numpy()
    return float((found == np.arange(len(chosen)) % 3).mean())
