"""Which source to transfer from, told without a transfer: by probes and distances, against the cells of table B.

    python -m benchmarks.series_choice --out FOLDER     # the folder of benchmarks.series_transfer

Each source's network reads the target's training samples once, frozen. What ranks the sources is what `recommend` ranks
backbones by (ridge and neighbours, cross-validated), the measures of transferability without a source head, and how far
the training samples of source and target lie apart in the source's features. A choice is right where no other source
ended better; `lost` is how much worse the chosen one ended than the best, in points; chance is a source at random.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.series_transfer import SCRATCH, SETS, done, read, run_data
from warmstart.data.schema import IntArray
from warmstart.engine.features import features
from warmstart.engine.heads import closed_form
from warmstart.engine.heads.base import Problem
from warmstart.engine.heads.score import log_loss
from warmstart.evaluation.metrics import correct
from warmstart.model.catalog import load_backbone
from warmstart.select.similarity.coral import coral
from warmstart.select.similarity.cosine import cosine_of_means
from warmstart.select.similarity.frechet import frechet
from warmstart.select.transferability.inputs import checked
from warmstart.select.transferability.registry import metrics
from warmstart.task.network import network_for

Rank = tuple[float, ...]
"""What sources are ordered by: larger is better, later numbers decide between equal ones."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """By one ranking on one target: the source it puts first, and by how much the best ended better (points)."""

    ranking: str
    target: str
    source: str
    lost: float


def rankings(own: Tensor, labels: IntArray, classes: int, before: Tensor, seed: int = 0) -> dict[str, Rank]:
    """What each ranking says of one source, by its features of the target (n, d) and of its own samples (m, d)."""
    problem = Problem.of(own, labels, classes)
    outputs = {name: closed_form[name](problem, seed=seed).cv_outputs for name in ("ridge", "knn")}
    found: dict[str, Rank] = {
        f"{name}, cross-validated": (float(correct(logits, labels).mean()), -log_loss(logits, labels))
        for name, logits in outputs.items()
    }
    array, numbered = checked(own, labels)
    for name in ("logme", "h_score"):
        found[metrics[name].title] = (metrics[name].score(array, numbered),)
    source = before.double().numpy()
    found["Fréchet distance"] = (-frechet(source, array),)
    found["CORAL"] = (-coral(source, array),)
    found["cosine of means"] = (cosine_of_means(before.numpy(), own.numpy()),)
    return found


def choices(ended: dict[str, float], said: dict[str, dict[str, Rank]], target: str) -> list[Choice]:
    """What every ranking chooses among the sources that ended.

    >>> choices({"a": 0.9, "b": 0.8}, {"a": {"probe": (0.5,)}, "b": {"probe": (0.7,)}}, "t")[0].lost
    10.0
    """
    best, found = max(ended.values()), []
    for ranking in next(iter(said.values())):
        first = max(ended, key=lambda source: said[source][ranking])
        found.append(Choice(ranking, target, first, round(100 * (best - ended[first]), 4)))
    return found


def on(target: str, ended: dict[str, float], out: Path, folder: Path | None) -> list[Choice]:
    """The choices of one target among the sources whose transfers to it have ended."""
    said = {}
    for source in ended:
        backbone = load_backbone(f"file:fcn1d@{out / source}.safetensors")
        rows = {}
        for name in (source, target):
            dataset = read(name, folder)
            data = run_data(dataset, backbone)
            rows[name] = features(network_for(backbone, dataset.target), -1, data, data.split.train)
            labels, classes = dataset.labels[data.split.train], len(dataset.target.classes)
        said[source] = rankings(rows[target], labels, classes, rows[source])
    return choices(ended, said, target)


def table(found: Sequence[Choice], chance: dict[str, tuple[float, float]]) -> str:
    """A line for each ranking: on how many targets it is right, what it loses on average, and what it chose."""
    lines = ["| ranking | right | lost, points | chosen |", "| --- | --- | --- | --- |"]
    for ranking in dict.fromkeys(one.ranking for one in found):
        mine = [one for one in found if one.ranking == ranking]
        chosen = ", ".join(f"{one.target}: {one.source} ({one.lost:.1f})" for one in mine)
        right, lost = sum(one.lost == 0 for one in mine), float(np.mean([one.lost for one in mine]))
        lines.append(f"| {ranking} | {right} of {len(mine)} | {lost:.2f} | {chosen} |")
    often, less = (float(np.sum([pair[i] for pair in chance.values()])) for i in (0, 1))
    lines.append(f"| a source at random | {often:.1f} of {len(chance)} | {less / len(chance):.2f} | |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of all targets with two sources or more."""
    parser = argparse.ArgumentParser(description="Choice of a source, against table B.")
    parser.add_argument("--out", type=Path, required=True, help="folder of benchmarks.series_transfer")
    parser.add_argument("--data", type=Path, help="folder that holds the five sets, instead of packages")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows, found, chance = done(options.out), list[Choice](), dict[str, tuple[float, float]]()
    for target in SETS:
        ended = {source: rows[source, target]["accuracy"] for source in SETS if (source, target) in rows}
        if len(ended) < 2:
            continue
        found += on(target, ended, options.out, options.data)
        values = np.array(list(ended.values()))
        chance[target] = (float((values == values.max()).mean()), 100 * float(values.max() - values.mean()))
    print(table(found, chance) if found else f"no target has two transfers yet; from {SCRATCH}: {len(rows)} cells")


if __name__ == "__main__":
    main()
