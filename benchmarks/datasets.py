"""Real sets as class folders of PNG or text files: seeded, class-balanced subsets under `train/` and `test/`."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.packages import cache_folder
from benchmarks.sources import SOURCES, Pool, Source


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A folder with `train/<class>/*.png` and `test/<class>/*.png`, or `*.txt`, and nothing else in it."""

    source: Source
    root: Path
    train: int
    test: int

    def truth(self) -> dict[str, str]:
        """True class by test file, as a path relative to `test/`."""
        return {
            path.relative_to(self.root / "test").as_posix(): path.parent.name for path in _files(self.root / "test")
        }


def prepare(name: str, train: int, test: int, seed: int) -> Prepared:
    """Write (once) the subset of `train` and `test` samples that `seed` draws from the set `name`.

    Where a set has too few, all that its published split holds are taken; a set without a published split gives
    at most half of each class to training. Raises UnavailableError with the reason if the set cannot be had.
    """
    source = SOURCES[name]
    root = cache_folder() / "sets" / f"{name}-{train}-{test}-{seed}"
    if not root.is_dir():
        root.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=root.parent))
        try:
            for part, pool in zip(("train", "test"), draw(*source.read(), train, test, seed), strict=True):
                _write(pool, source.classes, scratch / part)
            scratch.rename(root)  # whole or not at all
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return Prepared(source, root, *(sum(1 for _ in _files(root / part)) for part in ("train", "test")))


def draw(first: Pool, second: Pool | None, train: int, test: int, seed: int) -> tuple[Pool, Pool]:
    """Draw disjoint, class-balanced train and test subsets.

    Args:
        first: the published training pool, or the only pool.
        second: the published test pool, or None.
        train: training samples wanted.
        test: test samples wanted.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    chosen = _balanced(first.labels, train, rng, share=1.0 if second is not None else 0.5)
    if second is None:
        rest = np.setdiff1d(np.arange(len(first.labels)), chosen)
        second = Pool(first.inputs[rest], first.labels[rest])
    tested = _balanced(second.labels, test, rng, share=1.0)
    return Pool(first.inputs[chosen], first.labels[chosen]), Pool(second.inputs[tested], second.labels[tested])


def _balanced(labels: NDArray[np.int64], count: int, rng: np.random.Generator, *, share: float) -> NDArray[np.int64]:
    """Indices of `count` samples, equally many per class (the first classes get what is left over)."""
    classes = np.unique(labels)
    each, over = divmod(count, len(classes))
    parts = []
    for position, label in enumerate(classes):
        members = rng.permutation(np.flatnonzero(labels == label))
        parts.append(members[: min(each + (position < over), int(len(members) * share))])
    return np.sort(np.concatenate(parts))


def _write(pool: Pool, classes: tuple[str, ...], folder: Path) -> None:
    for name in classes:
        (folder / name).mkdir(parents=True)
    for number, (one, label) in enumerate(zip(pool.inputs, pool.labels, strict=True)):
        path = folder / classes[label] / f"{number:05d}"
        if isinstance(one, str):
            path.with_suffix(".txt").write_text(one, encoding="utf-8")
        else:
            Image.fromarray(one).save(path.with_suffix(".png"))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.*"))
