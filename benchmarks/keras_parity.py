"""How far features are from those of Keras, for each architecture of `keras.applications` that can be loaded.

python benchmarks/keras_parity.py                          # all of them; a table in `results/`
python benchmarks/keras_parity.py resnet50 efficientnet_b7 # these anew, the others as they were measured before

Needs the packages keras and h5py. Nothing is downloaded: the weights are random.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

if not __package__:  # started as a file: imports begin at the repository, not at this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.keras_oracle import NETWORKS, build, features, keras, our_features, photos, prepared, save
from benchmarks.micro.measure import Figures, Table, machine
from warmstart.model.catalog import load_backbone
from warmstart.model.keras.architectures import ARCHITECTURES

RESULT = Path(__file__).resolve().parent / "results" / "keras_parity.json"
FILES = ("a.weights.h5", "a.h5", "a.whole.h5")


def measure(name: str) -> dict[str, list[float]]:
    """Figures of one architecture at the size that Keras states for it."""
    size = ARCHITECTURES[name].size
    images, model = photos(size), build(name, size)
    expected = features(model, prepared(name, images))
    differences, hashes = list[float](), set[str]()
    with tempfile.TemporaryDirectory() as folder:
        for file in FILES:
            backbone = load_backbone(f"keras:{name}@{save(model, Path(folder) / file)}")
            hashes.add(backbone.card.weights_sha256)
            if len(hashes) > len(differences):
                differences.append(float((our_features(backbone, images) - expected).abs().max()))
    assert len(hashes) == 1, "files of the same weights give other weights"
    return {
        "size": [size],
        "parameters": [backbone.card.parameters],
        "features": [backbone.out_features],
        "cuts": [len(backbone.chain)],
        "largest": [float(expected.abs().max())],
        "difference": differences,
    }


def table(figures: Figures) -> Table:
    """One row for each architecture."""
    rows = []
    for name in (name for name in ARCHITECTURES if name in figures):
        found = {key: value[0] for key, value in figures[name].items()}
        counts = (f"{found['size']:.0f}", f"{found['parameters'] / 1e6:.1f}", f"{found['features']:.0f}")
        share = found["difference"] / found["largest"]
        values = (f"{found['largest']:.3g}", f"{found['difference']:.1e}", f"{share:.1e}")
        rows.append((name, *counts, f"{found['cuts']:.0f}", *values))
    notes = (
        f"{machine()}, Keras {keras().__version__} on torch",
        "features: means of the last activation, of scikit-learn's two photos, each by its own preprocessing",
        "weights: random, from a seed; batch norms hold statistics of the photos, moved by random amounts",
        "read from .weights.h5, from legacy .h5 weights and from a whole model's .h5: the same weights, bit for bit",
    )
    header = ("architecture", "px", "million parameters", "features", "cuts", "largest feature")
    return Table(
        "Features against Keras 3", (*header, "largest difference", "of the largest"), tuple(rows), notes, figures
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*NETWORKS, []], default=list(NETWORKS), metavar="ARCHITECTURE")
    figures: Figures = json.loads(RESULT.read_text())["figures"] if RESULT.exists() else {}
    for name in parser.parse_args().names:
        figures[name] = measure(name)
        found = table(figures)
        RESULT.with_suffix(".md").write_text(found.markdown())
        RESULT.write_text(json.dumps(dataclasses.asdict(found), indent=1) + "\n")
    print(table(figures).markdown(), flush=True)


if __name__ == "__main__":
    main()
