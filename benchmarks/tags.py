"""Entities found by a tuned text model, by a linear head on it, and by a baseline that has words alone.

    python -m benchmarks.tags                     # names that are not in the training part (`benchmarks.entities`)
    python -m benchmarks.tags --data FILE.conll   # words and tags of your own, a fifth of which are held out

Prints entity F1 with its 95 % interval, and seconds.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks.entities import corpus
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import Dataset, Split
from warmstart.data.sources import load
from warmstart.data.stores import store_of
from warmstart.data.tokens import TokenStore
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.words import WordsRung
from warmstart.engine.run import run_recipe
from warmstart.evaluation.scoring import interval_of
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.preprocess.kinds import of_texts
from warmstart.recipe.methods import load_recipe
from warmstart.task.base import suited, task_of

METHODS = {
    "probe": "probe",
    "lp_ft": "lp_ft?epochs=6&lr=3e-4",
    "finetune": "finetune?epochs=6&lr=3e-4&from_block=0",
}


def divided(path: str | None, n: int, seed: int) -> tuple[Dataset, Split]:
    """`n` training texts and the held-out ones."""
    if path is None:
        found, test = corpus(n, 300, seed), 300
    else:
        found = load(Path(path))
        test = len(found) // 5
        drawn = np.random.default_rng(seed).permutation(len(found))
        found = found.subset(np.concatenate([drawn[test : test + n], drawn[:test]]))
    order = np.arange(len(found))
    parts = (order[: len(order) - test], order[len(order) - test :])
    return found, Split(parts[0], parts[1], order[:0], how="by hand")


def measure(path: str | None, n: int, seed: int, backbone: str) -> None:
    """A line for each method."""
    dataset, split = divided(path, n, seed)
    facts = suited(load_backbone(backbone), dataset.target)
    whole = TokenStore(dataset, of_texts(facts.spec))
    spec = facts.spec.with_size(min(int(whole.lengths.max()), facts.spec.size))
    facts = dataclasses.replace(facts, spec=spec)
    data = RunData(dataset, split, store_of(dataset, spec), spec, ActivationStore(None))
    task, truth = task_of(dataset.target), data.targets(split.val)
    for name in ("words", *METHODS):
        began = time.monotonic()
        if name == "words":
            outputs = WordsRung().climb(LadderContext(facts, data, task, Deadline(None), seed=seed), {}).val_outputs
        else:
            network = Network(facts, task.head(facts.out_features, dataset.target, seed=seed))
            found = run_recipe(load_recipe(METHODS[name]), network, data, task=task, seed=seed).val_outputs
            assert found is not None
            outputs = found
        seconds, interval = time.monotonic() - began, interval_of(task, outputs, truth, seed)
        value = task.metrics(outputs, truth)["token_accuracy"]
        span = f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"
        print(
            f"{len(split.train):5} texts  seed {seed}  {name:9} F1 {span}  accuracy {value:.3f}  {seconds:.0f} s",
            flush=True,
        )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--train", type=int, nargs="+", default=[200])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--backbone", default="minilm")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for n in options.train:
        for seed in range(options.seeds):
            measure(options.data, n, seed, options.backbone)


if __name__ == "__main__":
    main()
