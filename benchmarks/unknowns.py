"""What tells images that are like nothing a head was trained on: distance to training features, or energy of logits.

`python -m benchmarks.unknowns` prints the table that `warmstart.evaluation.unknowns` quotes: a logistic head on frozen
features of Lite0 with three taps, of 1000 and of 100 labels, and 500 images each of the known and of the unknown kind.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from benchmarks.datasets import prepare
from benchmarks.micro.runs import fresh, network
from warmstart.engine.features import features
from warmstart.engine.heads import best_closed_form
from warmstart.evaluation.unknowns import Bank
from warmstart.model.catalog import load_backbone
from warmstart.planning.plan import CacheLimits

BACKBONE, RUNTIME, SIZE = "lite0?taps=3", "openvino", 224
TRAIN, TEST, LABELS = 1000, 500, (1000, 100)
KNOWN = {"fashion": ("mnist", "cifar10"), "cifar10": ("fashion", "mnist")}
LEFT_OUT = {"fashion": (5, 7, 9), "cifar10": (0, 1, 8)}
"""Classes that are not learned, in the order of the names: shoes, and what was built."""


@dataclasses.dataclass(frozen=True)
class Part:
    """Features (n, d) and labels (n,)."""

    x: Tensor
    y: Tensor

    def of(self, chosen: Tensor) -> Part:
        """Some of them."""
        return Part(self.x[chosen], self.y[chosen])

    def among(self, classes: tuple[int, ...], *, there: bool) -> Part:
        """Those of the classes, or all others."""
        return self.of(torch.isin(self.y, torch.tensor(classes, dtype=torch.int64)) == there)


@functools.cache
def parts(name: str) -> tuple[Part, Part]:
    """Training and test samples of a set, each in a random order."""
    backbone = load_backbone(BACKBONE)
    with fresh(prepare(name, TRAIN, 2 * TRAIN, 0), backbone, SIZE, CacheLimits(), test=True) as data:
        rng, on = np.random.default_rng(0), dataclasses.replace(data, runtime=RUNTIME)
        drawn = rng.permutation(data.split.train), rng.permutation(data.split.val)[:TEST]
        train, test = (Part(features(network(backbone, on), -1, on, i), on.targets(i)) for i in drawn)
    return train, test


def areas(train: Part, known: Part, unknown: Part) -> tuple[float, float]:
    """Area under the ROC curve of the distance, and of the energy (Liu et al. 2020, eq. 4, at temperature 1)."""
    classes, y = torch.unique(train.y, return_inverse=True)
    head, bank = best_closed_form(train.x, y, len(classes)), Bank.of(train.x)
    truth = np.repeat([0, 1], [len(known.x), len(unknown.x)])
    both = torch.cat([known.x, unknown.x])
    energy = -head.logits(both).logsumexp(1).numpy()
    return float(roc_auc_score(truth, bank.distances(both))), float(roc_auc_score(truth, energy))


def main() -> None:
    """Print the table."""
    print("known, labels | unknown | distance | energy")
    for name, others in KNOWN.items():
        (train, test), left_out = parts(name), LEFT_OUT[name]
        for labels in LABELS:
            first = train.of(torch.arange(labels))
            rows = {other: (first, test, parts(other)[1]) for other in others}
            known, unknown = (test.among(left_out, there=there) for there in (False, True))
            rows["three other classes"] = (first.among(left_out, there=False), known, unknown)
            for what, row in rows.items():
                print(name, labels, "|", what, "|", " | ".join(f"{area:.3f}" for area in areas(*row)), flush=True)


if __name__ == "__main__":
    main()
