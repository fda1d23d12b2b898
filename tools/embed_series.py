"""Puts the backbone that a run of `warmstart pretrain` wrote into the package, as `series`.

    python tools/embed_series.py RUN

Weights are stored in float32 and read as they are; `series.json` beside them has the run's command, recipe, corpus,
seed and curve, and the hash of the file.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from warmstart.model.adapters.series import FACTS, WEIGHTS
from warmstart.model.weights import file_sha256
from warmstart.shipping.backbone import WEIGHTS as NAME

MOST = 8_000_000  # bytes of the file


def embed(run: Path) -> None:
    """Copy the weights of a finished run, and write what is known of them."""
    weights = run / "backbone" / NAME
    if weights.stat().st_size > MOST:
        raise SystemExit(f"{weights} has {weights.stat().st_size} bytes; at most {MOST} are put into the package")
    said = json.loads((run / "pretrain.json").read_text(encoding="utf-8"))
    shutil.copyfile(weights, WEIGHTS)
    kept = ("command", "objective", "recipe", "seed", "corpus", "curve", "seconds", "stopped")
    facts = {name: said[name] for name in kept} | {"weights": {"sha256": file_sha256(WEIGHTS), "licence": "Apache-2.0"}}
    FACTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    embed(Path(sys.argv[1]))
