"""Puts the backbone that runs of `warmstart pretrain` made into the package, as `series`.

    python tools/embed_series.py RUN [RUN ...]

The runs are given in their order, each having started from the backbone of the one before; the weights are those of the
last. They are stored in float32 and read as they are. `series.json` beside them has the command, recipe, corpus, seed
and curve of each run, and the hash of the file.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from warmstart.model.adapters.series import FACTS, WEIGHTS
from warmstart.model.weights import file_sha256
from warmstart.shipping.backbone import WEIGHTS as NAME

MOST = 8_000_000  # bytes of the file
_KEPT = ("command", "objective", "recipe", "seed", "corpus", "curve", "seconds", "stopped")


def embed(runs: Sequence[Path]) -> None:
    """Copy the weights of the last run, and write what is known of all."""
    weights = runs[-1] / "backbone" / NAME
    if weights.stat().st_size > MOST:
        raise SystemExit(f"{weights} has {weights.stat().st_size} bytes; at most {MOST} are put into the package")
    said = [json.loads((run / "pretrain.json").read_text(encoding="utf-8")) for run in runs]
    for one, before in zip(said[1:], said, strict=False):
        sha256 = before.get("weights", {}).get("content_sha256", before.get("weights_sha256"))
        if one["start"]["weights_sha256"] != sha256:
            raise SystemExit("a run did not start from the weights of the one before")
    for number, one in enumerate(said, start=1):  # where the runs lay means nothing elsewhere
        one["command"] = f"{one['command']} --out RUN-{number}"
        if number > 1:
            one["command"] = one["command"].replace(said[number - 2]["backbone"], f"file:RUN-{number - 1}/backbone")
    shutil.copyfile(weights, WEIGHTS)
    facts = {
        "runs": [{name: one[name] for name in _KEPT} for one in said],
        "corpus": [part for one in said for part in one["corpus"]],
        "weights": {"sha256": file_sha256(WEIGHTS), "licence": "Apache-2.0"},
    }
    FACTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    embed([Path(run) for run in sys.argv[1:]])
