"""Heads on stored features: many in one pass against one by one, and exact leave-one-out against refitting.

Features of the frozen Lite0 with three taps, of few training images; how they are made is not timed. scikit-learn fits
what the logistic head fits, its penalties and folds, as a loop over `LogisticRegression` on one thread.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from benchmarks.datasets import prepare
from benchmarks.micro.measure import Run, Table, interleaved, machine, median
from benchmarks.micro.runs import fresh, network
from warmstart.engine.features import features
from warmstart.engine.heads import adamw, closed_form
from warmstart.engine.heads.base import Problem
from warmstart.engine.heads.folds import fold_of
from warmstart.engine.heads.threads import threads_for
from warmstart.model.catalog import load_backbone
from warmstart.planning.plan import CacheLimits

SIZE, TRAIN, BACKBONE = 128, 300, "lite0?taps=3"
HEADS = 64
ROWS = {
    f"{HEADS} heads by AdamW": ("one by one", "in one pass"),
    "logistic path, 5 folds": ("scikit-learn, one by one", "folds in one pass"),
    "ridge, leave-one-out": ("scikit-learn, refits at 1 penalty", "exact, 46 penalties"),
}


def run(repeats: int) -> Table:
    """Seconds of each way."""
    problem = _problem()
    ways: dict[str, Callable[[], object]] = {}
    ways[f"{HEADS} heads by AdamW: one by one"] = functools.partial(_adamw, problem, 1)
    ways[f"{HEADS} heads by AdamW: in one pass"] = functools.partial(_adamw, problem, HEADS)
    strengths = [row["C"] for row in closed_form["logistic"](problem).choice["path"]]
    ways["logistic path, 5 folds: scikit-learn, one by one"] = functools.partial(_scikit_path, problem, strengths)
    ways["logistic path, 5 folds: folds in one pass"] = functools.partial(closed_form["logistic"], problem)
    ways["ridge, leave-one-out: scikit-learn, refits at 1 penalty"] = functools.partial(_scikit_refits, problem)
    ways["ridge, leave-one-out: exact, 46 penalties"] = functools.partial(closed_form["ridge"], problem)
    contenders: dict[str, Run] = {name: functools.partial(_timed, way) for name, way in ways.items()}
    figures = interleaved(contenders, repeats)
    rows = []
    for what, (slow, fast) in ROWS.items():
        seconds = [median(figures, f"{what}: {way}", "seconds") for way in (slow, fast)]
        rows.append((what, slow, f"{seconds[0]:.2f}", fast, f"{seconds[1]:.2f}", f"{seconds[0] / seconds[1]:.1f}"))
    n, d = problem.features.shape
    notes = (
        f"{machine()}; medians of {repeats}",
        f"Fashion-MNIST, {n} images at {SIZE} px, {d} features, {len(problem.present)} classes; {len(strengths)} "
        "values of C with 5 folds each; scikit-learn and AdamW on one thread",
    )
    return Table("Heads by the hundred", ("", "so", "s", "or so", "s", "x faster"), tuple(rows), notes, figures)


def _problem() -> Problem:
    backbone = load_backbone(BACKBONE)
    with fresh(prepare("fashion", TRAIN, 1, 0), backbone, SIZE, CacheLimits(), test=False) as data:
        rows = features(network(backbone, data), -1, data, data.split.train)
        labels = data.targets(data.split.train)
    return Problem.of(rows, labels, len(data.dataset.target.classes), backbone.groups)


def _timed(way: Callable[[], object]) -> dict[str, float]:
    began = time.perf_counter()
    way()
    return {"seconds": time.perf_counter() - began}


def _adamw(problem: Problem, together: int) -> None:
    """`HEADS` heads, each of a rate and a decay of its own, `together` at a time."""
    x, labels = problem.standard[0].float(), torch.from_numpy(problem.labels)
    side = int(HEADS**0.5)
    settings = torch.tensor(list(itertools.product(np.geomspace(1e-4, 1e-2, side), np.geomspace(1e-3, 10, side))))
    with threads_for(0):  # two threads make one head at a time three times as slow
        for chunk in settings.float().split(together):
            adamw.train(x, labels, len(problem.present), chunk[:, 0], chunk[:, 1], seeds=(0,))


def _scikit_path(problem: Problem, strengths: list[float]) -> None:
    x, fold = problem.standard[0].numpy(), fold_of(problem.labels, 5, 0)
    with threadpool_limits(1):
        for strength, left in itertools.product(strengths, range(6)):  # no sample is in fold 5: a fit on all
            used = fold != left
            LogisticRegression(C=strength, max_iter=1000).fit(x[used], problem.labels[used])


def _scikit_refits(problem: Problem) -> None:
    x, y = problem.standard[0].numpy(), problem.targets.numpy()
    with threadpool_limits(1):
        for i in range(len(x)):
            Ridge(alpha=1.0).fit(np.delete(x, i, 0), np.delete(y, i, 0)).predict(x[i : i + 1])
