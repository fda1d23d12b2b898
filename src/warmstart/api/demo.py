"""`demo`: the main job on real data that is installed with the package, in about a minute.

scikit-learn's handwritten digits (1797 real 8 x 8 scans; Alpaydin & Kaynak 1998, UCI) with ten labels per class:
training from scratch, a probe on frozen ImageNet features, and tuning, compared on the same 500 test images.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from warmstart.api.fit import FitResult, fit
from warmstart.api.running.runfolder import free_folder
from warmstart.engine.ambient import ambient
from warmstart.engine.events import Decided, Listener

PER_CLASS = 10
TEST = 500
SIDE = 64


def demo(*, out: str | Path | None = None, listener: Listener = ambient) -> FitResult:
    """Write the digits as PNG folders, fit, and report.

    Args:
        out: folder for the images and the run; must not exist. Default: the next free `warmstart-demo-NNN`.
        listener: hears of progress.
    """
    folder = free_folder(Path("warmstart-demo"), out)
    data = write_digits(folder / "digits")
    listener(Decided(f"the images lie in {data}: {10 * PER_CLASS} labelled for training, {TEST} for the test"))
    return fit(data, out=folder / "run", size=96, budget="75s", baseline="scratch", listener=listener)


def write_digits(folder: Path, *, per_class: int = PER_CLASS, test: int = TEST, seed: int = 0) -> Path:
    """Write `per_class` images of each digit to `folder`/train and `test` others to `folder`/test; returns `folder`."""
    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))
    train = {int(i) for c in range(10) for i in order[digits.target[order] == c][:per_class]}
    rest = [int(i) for i in order if int(i) not in train]
    for part, indices in (("train", sorted(train)), ("test", rest[:test])):
        for index in indices:
            place = folder / part / str(digits.target[index])
            place.mkdir(parents=True, exist_ok=True)
            grey = (digits.images[index] * (255 / 16)).round().astype(np.uint8)
            Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(place / f"{index:04d}.png")
    return folder
