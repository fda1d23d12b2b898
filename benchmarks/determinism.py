"""How far two runs of one seed come out apart: the same machine, other threads, other batches, other engines.

    python -m benchmarks.determinism --out benchmarks/results/determinism.json

Each run is a process of its own with a cache of its own. The weights that are shipped are compared tensor by tensor
(largest difference, and relative to the largest value of the tensor), and so are the answers for all inputs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.killed import PHASES, images

Variant = dict[str, Any]
SAME: Variant = {}
VARIANTS: dict[str, Variant] = {
    "the same": SAME,
    "two threads, twice": {"threads": 2, "against": {"threads": 2}},
    "two threads against one": {"threads": 2},
    "batches of 8 against 16": {"batch": 8},
    "batches of 64 against 16": {"batch": 64},
    "openvino, twice": {"runtime": "openvino", "against": {"runtime": "openvino"}},
    "openvino against torch": {"runtime": "openvino"},
    "onnxruntime against torch": {"runtime": "onnxruntime"},
    "another processor's instructions": {"isa": "SSE41"},
}
"""What differs, by what it is called. `against` is what the other run has; else one thread and torch, 16 at a time."""


def digits(folder: Path, **how: Any) -> Any:
    """The ladder on images, with the toy backbone."""
    from warmstart.api.fit import fit

    return fit(images(folder.parent / "digits"), backbone="toy", out=folder, budget="2h", **how), None


def phases(folder: Path, **how: Any) -> Any:
    """Three phases, one of which draws augmentations."""
    from warmstart.api.fit import fit
    from warmstart.recipe.recipe import Recipe

    recipe = Recipe(name="three", steps=PHASES)
    data = images(folder.parent / "digits")
    return fit(data, backbone="toy", recipe=recipe, baseline="none", out=folder, budget="2h", **how), None


def lite0(folder: Path, **how: Any) -> Any:
    """A pretrained network, its head first and then its last blocks."""
    from warmstart.api.fit import fit
    from warmstart.recipe.methods import load_recipe

    recipe = load_recipe("lp_ft", epochs=2, lr=3e-4)
    data = images(folder.parent / "digits")
    return fit(data, backbone="lite0", size=64, recipe=recipe, baseline="none", out=folder, budget="2h", **how), None


def texts(folder: Path, **how: Any) -> Any:
    """The ladder on short texts, with the text model that is installed."""
    from warmstart.api.fit import fit

    words = {"weather": "sun rain wet dry storm", "animal": "cat dog bird horse", "money": "bank price share tax"}
    rng, rows, labels = np.random.default_rng(0), list[str](), list[str]()
    for i in range(60):
        label = sorted(words)[i % 3]
        about = rng.choice(words[label].split(), 2)
        rows.append(f"The {about[0]} of {rng.integers(100)} and the {about[1]} {rng.choice(['in', 'on', 'at'])} it")
        labels.append(label)
    return fit((rows, labels), backbone="minilm", size=16, out=folder, budget="2h", **how), rows


def series(folder: Path, **how: Any) -> Any:
    """The ladder on series, with the default backbone and both networks that are compared with."""
    from warmstart.api.fit import fit
    from warmstart.data.synthetic import generate

    made = generate(48, steps=64, seed=0, each=12)
    values = np.stack([sample.source.values for sample in made.samples])
    labels = [str(sample.label) for sample in made.samples]
    return fit((values, labels), out=folder, budget="2h", **how), values


def masks(folder: Path, **how: Any) -> Any:
    """A decoder trained on stored maps, then everything."""
    from warmstart.api.running import rungs
    from warmstart.data.synthetic.scenes import write_scenes

    few: Any = rungs
    few.MAPS_HEAD_EPOCHS, few.MAPS_EPOCHS = (3,), (2,)
    from warmstart.api.fit import fit

    data = write_scenes(folder.parent / f"scenes-{folder.name}", 24, size=(48, 36), most=2)
    return fit(data, task="segment", backbone="toy", size=32, out=folder, budget="2h", **how), None


KINDS: dict[str, Callable[..., Any]] = {
    "digits": digits,
    "three phases": phases,
    "lite0": lite0,
    "texts": texts,
    "series": series,
    "masks": masks,
}


def child(kind: str, variant: Variant, folder: Path) -> None:
    """One run, in this process: its weights lie in the bundle, its answers in `answers.json`."""
    import torch

    from warmstart.api.running import pace
    from warmstart.engine.extraction import choose

    torch.set_num_threads(variant.get("threads", 1))
    if "batch" in variant:
        module: Any = pace
        module.choose = lambda *asked: dataclasses.replace(choose(*asked), batch=variant["batch"])
    found, inputs = KINDS[kind](folder, seed=0, track="none", cache=folder.parent / f"cache-{folder.name}")
    asked = sorted((folder.parent / "digits").rglob("*.png")) if inputs is None else list(inputs)
    answers = found.predict(asked) if kind != "masks" else []
    kept = [{"label": row["label"], "probabilities": row["probabilities"]} for row in answers]
    (folder.parent / f"answers-{folder.name}.json").write_text(json.dumps(kept, default=float), encoding="utf-8")


def run(kind: str, variant: Variant, folder: Path) -> None:
    """The same in a process of its own; one that was run already is taken as it is."""
    if (folder / "results.json").exists():
        return
    own = {"OMP_NUM_THREADS": str(variant.get("threads", 1)), "MKL_NUM_THREADS": str(variant.get("threads", 1))}
    own["WARMSTART_RUNTIME"] = variant.get("runtime", "torch")
    if "isa" in variant:
        own |= {
            "ONEDNN_MAX_CPU_ISA": variant["isa"],
            "ATEN_CPU_CAPABILITY": "default",
            "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        }
    command = [sys.executable, "-m", "benchmarks.determinism", "--child", kind, json.dumps(variant), str(folder)]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def apart(one: Path, other: Path) -> dict[str, Any]:
    """How far the bundles of two runs are apart, and their answers."""
    from safetensors.numpy import load_file

    files = [sorted((folder / "bundle").glob("weights-*.safetensors")) for folder in (one, other)]
    found: dict[str, Any] = {"files": [len(some) for some in files], "largest": 0.0, "relative": 0.0}
    found["identical"] = [p.read_bytes() for p in files[0]] == [p.read_bytes() for p in files[1]]
    found["chosen"] = [json.loads((folder / "results.json").read_text())["chosen"] for folder in (one, other)]
    for left, right in zip(*files, strict=False):
        mine, theirs = load_file(left), load_file(right)
        for name in mine.keys() & theirs.keys():
            if mine[name].shape == theirs[name].shape and mine[name].size:
                far = float(np.abs(mine[name].astype(np.float64) - theirs[name]).max())
                found["largest"] = max(found["largest"], far)
                size = float(np.abs(theirs[name].astype(np.float64)).max())
                found["relative"] = max(found["relative"], far / max(size, 1e-12))
    rows = [json.loads((folder.parent / f"answers-{folder.name}.json").read_text()) for folder in (one, other)]
    found["answers"] = len(rows[0])
    found["agree"] = sum(a["label"] == b["label"] for a, b in zip(*rows, strict=True))
    found["probability"] = max(
        (
            abs(a["probabilities"][k] - b["probabilities"][k])
            for a, b in zip(*rows, strict=True)
            for k in a["probabilities"]
        ),
        default=0.0,
    )
    return found


def main() -> None:
    """Run and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--kind", action="append", choices=sorted(KINDS))
    parser.add_argument("--variant", action="append", choices=sorted(VARIANTS))
    parser.add_argument("--folder", type=Path, help="where runs are kept, and found again")
    parser.add_argument("--child", nargs=3, metavar=("KIND", "VARIANT", "FOLDER"))
    asked = parser.parse_args()
    if asked.child:
        child(asked.child[0], json.loads(asked.child[1]), Path(asked.child[2]))
        return
    place, rows = asked.folder or Path(tempfile.mkdtemp()), []
    for kind in asked.kind or KINDS:
        for name in asked.variant or VARIANTS:
            variant = {key: value for key, value in VARIANTS[name].items() if key != "against"}
            other = VARIANTS[name].get("against", SAME)
            home = place / kind.replace(" ", "-")
            home.mkdir(parents=True, exist_ok=True)
            run(kind, other, home / ("run-" + "-".join(map(str, other.values()))))
            again = home / ("again-" + "-".join(map(str, variant.values())))
            run(kind, variant, again)
            found = apart(again, home / ("run-" + "-".join(map(str, other.values()))))
            rows.append({"kind": kind, "variant": name, **found})
            print(json.dumps(rows[-1]), flush=True)
    if asked.out:
        asked.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
