"""What `predict` keeps of the speed of the engine it chose, and whether its memory grows with the number of inputs.

    python benchmarks/bulk_predict.py BUNDLE IMAGES [--count 256] [--repeats 3]    # rates, in turns
    python benchmarks/bulk_predict.py BUNDLE IMAGES --memory 1000 20000            # peak memory, a process each

Extraction is a pass of the frozen network over image files in the engine and at the batch size that `predict` chose,
with nothing stored, decoding included: what `fit` does. Bulk `predict` does the same and decodes, puts the head and the
bank of unknowns behind it, and writes a table. Both and the plain path take turns (A B C, A B C, ...) in one process;
processor time is the fairer measure where other programs run, wall time the one that a user sees.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.api.predicting.engine import TORCH, quicker
from warmstart.api.predicting.loop import How, Inputs, in_file
from warmstart.cache.features import activations
from warmstart.cache.store import ActivationStore
from warmstart.cache.wanted import Wanted as Features
from warmstart.data.pixels import PixelStore
from warmstart.data.schema import ClassTarget, Dataset, Sample
from warmstart.data.sources.given import Given
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.events import silent
from warmstart.engine.extraction import Choice
from warmstart.shipping.bundle import Bundle

MANY = 1_000
"""Images that the choice of an engine is made for: too few for torch.compile, which takes minutes."""


def paths_in(folder: Path, count: int) -> list[Path]:
    """So many paths of images, repeated where there are fewer."""
    return list(itertools.islice(itertools.cycle(sorted(folder.rglob("*.png"))), count))


def extraction(bundle: Bundle, paths: list[Path], choice: Choice) -> None:
    """The features of the images, as a run computes them that has stored nothing."""
    samples = tuple(Sample(f"{i} {path}", path, "a") for i, path in enumerate(paths))
    store = PixelStore(Dataset(samples, ClassTarget(("a", "b"))), bundle.preprocess)
    chain = bundle.networks[0].facts.chain
    how: Any = {"runtime": choice.runtime, "batch_size": choice.batch}
    activations(Features(chain, store, ActivationStore(None), bundle.preprocess, **how), -1, np.arange(len(paths)))


def answers(bundle: Bundle, paths: list[Path], choice: Choice) -> None:
    """A table of answers, by that engine."""
    each = [Given(Sample(path.as_posix(), path)) for path in paths]
    bundle, _ = quicker(bundle, [], len(each), silent, choice)
    with tempfile.TemporaryDirectory() as folder:
        inputs = Inputs(iter(each), len(each), [])
        in_file(bundle, inputs, How(), Path(folder) / "answers.csv", {}, silent, resume=False)


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """(wall, processor) seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def rates(bundle: Bundle, folder: Path, count: int, repeats: int) -> dict[str, object]:
    """Images per second of each, and what bulk `predict` keeps of the rate of extraction, by medians of ratios."""
    keep_buffers()
    paths = paths_in(folder, count)
    _, choice = quicker(bundle, [Sample(str(p), p) for p in paths[:64]], MANY, silent)
    work = {
        "extraction": lambda: extraction(bundle, paths, choice),
        "predict": lambda: answers(bundle, paths, choice),
        "plain predict": lambda: answers(bundle, paths, TORCH),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for turn in range(1 + repeats):
        for name, one in work.items():
            seconds = timed(one)
            if turn:
                found[name].append(seconds)
    said: dict[str, object] = {"engine": dataclasses.asdict(choice), "images": count}
    for name, all_seconds in found.items():
        said[f"{name}, images/s"] = round(count / statistics.median(wall for wall, _ in all_seconds), 1)
        said[f"{name}, images per processor second"] = round(count / statistics.median(p for _, p in all_seconds), 1)
    for which, name in enumerate(("wall", "processor")):
        pairs = zip(found["extraction"], found["predict"], strict=True)
        said[f"predict / extraction, {name}"] = round(statistics.median(e[which] / p[which] for e, p in pairs), 3)
        pairs = zip(found["plain predict"], found["predict"], strict=True)
        said[f"predict / plain predict, {name}"] = round(statistics.median(e[which] / p[which] for e, p in pairs), 3)
    return said


def endless(folder: Path, count: int) -> Iterator[Path]:
    """Paths one by one, which nobody holds."""
    return itertools.islice(itertools.cycle(sorted(folder.rglob("*.png"))), count)


def peak_megabytes(bundle: Path, folder: Path, count: int) -> float:
    """Of a whole process that answers so many images, by torch."""
    from warmstart.api.predict import predict

    with tempfile.TemporaryDirectory() as place:
        predict(bundle, endless(folder, count), out=Path(place) / "answers.csv")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs="+", default=[])
    args = parser.parse_args()
    if len(args.memory) == 1:
        print(json.dumps({str(args.memory[0]): round(peak_megabytes(args.bundle, args.images, args.memory[0]), 1)}))
    elif args.memory:
        words = [sys.executable, "-m", "benchmarks.bulk_predict", str(args.bundle), str(args.images), "--memory"]
        for count in args.memory:
            print(subprocess.run([*words, str(count)], check=True, capture_output=True, text=True).stdout.strip())
    else:
        print(json.dumps(rates(Bundle.load(args.bundle), args.images, args.count, args.repeats), indent=1))


if __name__ == "__main__":
    main()
