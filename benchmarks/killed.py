"""A run of three phases, killed with -9 at random moments and gone on with: does it end the same, bit for bit?

    python -m benchmarks.killed --kills 50 --out benchmarks/results/killed.json

Each time a new run is started, killed at a random moment, resumed to its end, and compared with the run that nobody
stopped: weights of the bundle, all tensors of the last and the best checkpoint of every phase (optimizer and averages
among them), what the report selected, and the learning curves but for their times. What differs is counted and named;
nothing is retried.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from PIL import Image
from sklearn.datasets import load_digits

from warmstart.api.fit import fit
from warmstart.engine.checkpoint import read
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe

PHASES = (
    Phase(name="head", rates=(("head", 1e-2), ("*", None)), epochs=3, batch_size=8, optimizer="adamw"),
    Phase(name="late", rates=(("head", 1e-3), ("block:-1..", 1e-3), ("*", None)), epochs=3, batch_size=8, start="best"),
    Phase(name="all", rates=(("*", 1e-3),), epochs=4, batch_size=8, ema=0.9, augment="standard"),
)

TIMES = ("seconds", "images_per_second")


def images(root: Path, per_class: int = 24) -> Path:
    """Real digits as files."""
    digits = load_digits(n_class=3)
    for i, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        if i < 3 * per_class:
            (root / str(label)).mkdir(parents=True, exist_ok=True)
            Image.fromarray((pixels * 15.9).astype("uint8")).resize((32, 32)).save(root / str(label) / f"{i}.png")
    return root


def run(data: Path, cache: Path, **where: Any) -> None:
    """The run, from its beginning or gone on with."""
    recipe = Recipe(name="three", steps=PHASES)
    fit(data, recipe=recipe, backbone="toy", baseline="none", budget="1h", cache=cache, **where)


def in_child(work: Callable[[], None], end: float | None = None) -> tuple[bool, float]:
    """Run in a process of its own, killed after `end` seconds: whether it came to its own end, and its seconds."""
    began, child = time.monotonic(), os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    while end is None or time.monotonic() - began < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0, time.monotonic() - began
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False, time.monotonic() - began


def state(folder: Path) -> dict[str, Any]:
    """What two runs must have alike."""
    found: dict[str, Any] = {p.name: p.read_bytes() for p in sorted((folder / "bundle").glob("weights-*"))}
    for path in sorted((folder / "rungs").rglob("*.safetensors")):
        if path.stem == "previous":
            continue  # what is fallen back to: of which epoch depends on where a run was cut
        record = read(path)
        assert record is not None, path
        name = path.relative_to(folder).as_posix()
        found |= {f"{name}:{key}": tensor.numpy().tobytes() for key, tensor in record.tensors.items()}
    results = json.loads((folder / "results.json").read_text())
    found["chosen"] = results["chosen"]
    for rung in results["rungs"]:
        rows = [{**row, "values": {k: v for k, v in row["values"].items() if k not in TIMES}} for row in rung["curve"]]
        found[f"curve of {rung['name']}"] = json.dumps(rows, sort_keys=True)
    return found


def main() -> None:
    """Kill and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    rng, place = random.Random(asked.seed), Path(tempfile.mkdtemp())
    data = images(place / "digits")
    whole = in_child(lambda: run(data, place / "cache-0", out=place / "whole"))
    assert whole[0], "the run that nobody stops does not end"
    expected, counts, moments, worse = (
        state(place / "whole"),
        {"same": 0, "other": 0, "not begun": 0, "finished": 0},
        [],
        [],
    )
    number = 0
    while counts["same"] + counts["other"] < asked.kills:
        number += 1
        folder, cache, moment = place / f"run-{number}", place / f"cache-{number}", rng.uniform(0, whole[1])
        ended, _ = in_child(lambda: run(data, cache, out=folder), moment)  # noqa: B023 - ended within this turn
        if ended or not (folder / "run.json").exists():
            counts["not begun"] += 1  # killed before there was a run to go on with, or after its end
            continue
        finished = (folder / "results.json").exists()  # the process was about to end: there is nothing to go on with
        ended = finished or in_child(lambda: run(data, cache, resume=folder))[0]  # noqa: B023
        found = state(folder) if ended else {}
        differing = sorted(key for key in {*expected, *found} if expected.get(key) != found.get(key))
        counts["other" if differing else "same"] += 1
        counts["finished"] += finished
        moments.append(round(moment, 3))
        worse += [{"moment": moment, "ended": ended, "differs": differing[:5]}] if differing else []
        print(f"{number}: killed after {moment:.2f} s of {whole[1]:.2f}: {differing[:3] or 'the same'}", flush=True)
    document = {"seconds": whole[1], **counts, "moments": moments, "differing": worse, "seed": asked.seed}
    print(json.dumps({key: document[key] for key in ("seconds", *counts)}))
    if asked.out:
        asked.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
