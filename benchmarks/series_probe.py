"""Does a probe of series gain by standardised features? Test accuracy of heads on frozen features, both ways.

    python -m benchmarks.series_probe --data ARCHIVE --backbone fcn1d [--sets GunPoint ...]

Features are centred in both cases; standardised ones are divided by the standard deviation of each over the training
part, as every closed-form head that is linear does by itself. For nearest neighbours, which do not, it is done before.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.series import context_of
from benchmarks.series_transfer import read
from warmstart.engine.heads.base import Problem, closed_form, standardised
from warmstart.evaluation.predict import predict_outputs
from warmstart.model.modes import evaluating

SETS = (
    *("ItalyPowerDemand", "GunPoint", "ArrowHead", "Beef", "CBF", "Car", "ECG200", "FaceFour", "Fish", "Ham"),
    *("Adiac", "CricketX", "DistalPhalanxTW", "ECG5000", "FacesUCR", "OSULeaf"),
)
HEADS = ("blend", "ridge", "logistic", "lda", "knn")


class Centred(Problem):
    """A problem whose features heads find centred and of their own spread."""

    @functools.cached_property
    def standard(self) -> tuple[Tensor, Tensor, Tensor]:
        """Features, mean, and ones."""
        mean = self.features.mean(0)
        return self.features - mean, mean, torch.ones_like(mean)


def both(name: str, folder: Path | None, uri: str) -> dict[str, tuple[float, float]]:
    """(centred, standardised) by head."""
    dataset = read(name, folder if folder is not None and (folder / name).exists() else None)
    context = context_of(dataset, 0, uri)
    split, backbone = context.data.split, context.backbone
    with evaluating(backbone.module):
        parts = [predict_outputs(backbone.module, context.data.store, part) for part in (split.train, split.test)]
    train, test = (part.double() for part in parts)
    labels, truth = context.data.targets(split.train), context.data.targets(split.test)
    _, mean, std = standardised(train)
    found = {}
    for head in HEADS:
        shift, scale = (mean, std) if head == "knn" else (torch.zeros_like(mean), torch.ones_like(std))
        values = []
        for kind in (Centred, Problem):
            inside, outside = (train, test) if kind is Centred else ((train - shift) / scale, (test - shift) / scale)
            problem = kind.of(inside, labels, len(dataset.target.classes))
            values.append(float((closed_form[head](problem).logits(outside).argmax(1) == truth).double().mean()))
        found[head] = (values[0], values[1])
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each set, and the mean gain by head."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of sets")
    parser.add_argument("--backbone", default="fcn1d")
    parser.add_argument("--sets", nargs="+", default=SETS)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    gains: dict[str, list[float]] = {head: [] for head in HEADS}
    for name in options.sets:
        found = both(name, options.data, options.backbone)
        for head, (plain, scaled) in found.items():
            gains[head].append(100 * (scaled - plain))
        print(name, ", ".join(f"{h} {a:.3f} -> {b:.3f}" for h, (a, b) in found.items()), flush=True)
    for head, gain in gains.items():
        error = np.std(gain, ddof=1) / len(gain) ** 0.5 if len(gain) > 1 else np.nan
        print(f"{head}: standardised features bring {np.mean(gain):+.1f} points (standard error {error:.1f})")


if __name__ == "__main__":
    main()
