"""What the embedded backbone `series` is worth: a linear probe of it and of the same network at random, and MiniRocket.

    python -m benchmarks.series_embedded --data ARCHIVE --out FOLDER            # all sets in a folder, small ones first
    python -m benchmarks.series_embedded --data ARCHIVE --out FOLDER --table    # what is there so far
    python -m benchmarks.series_embedded --data ARCHIVE --out FOLDER --curve file:RUN-1/backbone file:RUN-2/backbone

ARCHIVE is as for `benchmarks.series`; the default splits. The probe is the ridge head with standardised features, its
penalty by exact leave-one-out on the training part; MiniRocket is aeon's, with its own ridge classifier. The test part
chooses nothing. A result is a line in FOLDER/results.jsonl and is not computed again; the lines of `benchmarks.series`
have the same form, so its results of aeon may be copied there. `--curve` probes backbones by cross-validation on
training parts alone, which is how the embedded one was chosen among the runs that led to it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold

from benchmarks.series import by_aeon, in_folder, lines
from benchmarks.series_transfer import read
from warmstart.api.inputs.series import for_channels, sized
from warmstart.data.schema import Dataset
from warmstart.data.signals import SeriesStore
from warmstart.engine.heads.base import Problem, closed_form
from warmstart.evaluation.predict import predict_outputs
from warmstart.model.catalog import load_backbone
from warmstart.model.modes import evaluating

NETWORKS = {"embedded": "series", "random": "series?pretrained=false"}
WHAT = (*NETWORKS, "aeon")
HEAD = "ridge"
CURVE = [
    *("ACSF1", "ArrowHead", "Beef", "Car", "CBF", "ECG200", "FaceFour", "Fish", "FordA", "GunPoint", "Ham"),
    *("DistalPhalanxOutlineCorrect", "Earthquakes", "ChlorineConcentration", "FiftyWords", "ElectricDevices"),
    *("CricketX", "Adiac"),
]
"""Sets by whose training parts backbones are compared."""
MOST = 400


def by_probe(dataset: Dataset, uri: str, seed: int) -> dict[str, Any]:
    """Accuracy of the head on frozen features."""
    began, spent = time.monotonic(), time.process_time()
    backbone = for_channels(load_backbone(uri), dataset)
    store, module = SeriesStore(dataset, sized(backbone, dataset, None)), backbone.module
    parts = [np.flatnonzero([one.split == part for one in dataset.samples]) for part in ("train", "test")]
    with evaluating(module):
        train, test = (predict_outputs(module, store, part) for part in parts)
    labels, truth = (store.targets(part) for part in parts)
    problem = Problem.of(train, labels, len(dataset.target.classes))
    answers = closed_form[HEAD](problem, seed=seed).logits(test.double()).argmax(1)
    taken = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - spent}
    weights = backbone.card.weights_sha256
    return {"accuracy": float((answers == truth).double().mean()), "weights": weights, **taken}


def by_folds(dataset: Dataset, uri: str) -> float:
    """Accuracy of the head by stratified cross-validation on at most `MOST` series of the training part."""
    train = dataset.subset([i for i, one in enumerate(dataset.samples) if one.split == "train"])
    train = train.subset(np.random.default_rng(0).permutation(len(train))[:MOST])
    backbone = for_channels(load_backbone(uri), train)
    store, every = SeriesStore(train, sized(backbone, train, None)), np.arange(len(train))
    with evaluating(backbone.module):
        features = predict_outputs(backbone.module, store, every)
    labels, right = store.targets(every), 0
    folds = max(2, min(5, int(np.unique(labels.numpy(), return_counts=True)[1].min())))
    parts = StratifiedKFold(folds, shuffle=True, random_state=0).split(every, labels.numpy())
    for inside, outside in parts:
        problem = Problem.of(features[inside], labels[inside], len(train.target.classes))
        answers = closed_form[HEAD](problem, seed=0).logits(features[outside].double()).argmax(1)
        right += int((answers == labels[outside]).sum())
    return right / len(train)


def curve(uris: Sequence[str], options: argparse.Namespace) -> None:
    """The mean over some sets for each backbone, printed and kept."""
    found: dict[str, Any] = {"sets": options.sets or CURVE}
    for uri in uris:
        found[uri] = float(np.mean([by_folds(read(name, options.data), uri) for name in found["sets"]]))
        print(f"{uri}: {found[uri]:.4f}", flush=True)
    (options.out / "curve.json").write_text(json.dumps(found, indent=1) + "\n")


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Sets for which all three are known, and what they come to."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["what"] in WHAT and row["seed"] == 0:
            found.setdefault(row["set"], {})[row["what"]] = row["accuracy"]
    whole = {name: values for name, values in sorted(found.items()) if len(values) == len(WHAT)}
    text = ["| set | series | random weights | MiniRocket |", "|---|---|---|---|"]
    text += [
        f"| {name} | " + " | ".join(f"{values[what]:.3f}" for what in WHAT) + " |" for name, values in whole.items()
    ]
    if not whole:
        return "\n".join(text)
    values = np.array([[each[what] for what in WHAT] for each in whole.values()])
    text.append(f"| mean of {len(whole)} | " + " | ".join(f"{mean:.3f}" for mean in values.mean(0)) + " |")
    for name, column in (("random weights", 1), ("MiniRocket", 2)):
        gain = values[:, 0] - values[:, column]
        error = gain.std(ddof=1) / len(gain) ** 0.5 if len(gain) > 1 else np.nan
        counts = f"{(gain > 0).sum()} better, {(gain == 0).sum()} equal, {(gain < 0).sum()} worse"
        text.append(
            f"\nThe probe of `series` against {name}: {100 * gain.mean():+.1f} points "
            f"(standard error over sets {100 * error:.1f}), {counts} of {len(gain)}."
        )
    return "\n".join(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of sets")
    parser.add_argument("--out", type=Path, required=True, help="folder of results.jsonl and series_embedded.md")
    parser.add_argument("--sets", nargs="+", help="some of them")
    parser.add_argument("--what", nargs="+", choices=WHAT, default=list(WHAT))
    parser.add_argument("--curve", nargs="+", metavar="BACKBONE", help="compare these on training parts alone")
    parser.add_argument("--table", action="store_true", help="compute nothing")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.curve:
        curve(options.curve, options)
        return 0
    done = {(row["set"], row["what"]) for row in lines(options.out) if row["seed"] == 0}
    names = [] if options.table else options.sets or in_folder(options.data)
    for name in names:
        missing = [what for what in options.what if (name, what) not in done]
        dataset = read(name, options.data) if missing else None
        for what in missing:
            assert dataset is not None
            found = by_aeon(dataset, 0) if what == "aeon" else by_probe(dataset, NETWORKS[what], 0)
            with (options.out / "results.jsonl").open("a") as file:
                file.write(json.dumps({"set": name, "what": what, "seed": 0, **found}) + "\n")
            print(f"{name} {what}: {found['accuracy']:.3f} in {found['cpu_seconds']:.1f} s", flush=True)
    shown = table(lines(options.out))
    (options.out / "series_embedded.md").write_text(shown + "\n")
    rows = sorted((row for row in lines(options.out) if row["what"] in WHAT), key=lambda row: (row["set"], row["what"]))
    (options.out / "series_embedded.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(shown)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
