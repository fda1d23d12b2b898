"""What is in a data set and what is wrong with it, in one pass that decodes every image and changes nothing."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from PIL import Image

from warmstart.data.schema import Dataset, Sample, Split
from warmstart.errors import ImageError
from warmstart.preprocess.reader import Source, read_image, unusual

FEW = 5
IMBALANCE = 10
SHOWN = 50


@dataclasses.dataclass(frozen=True)
class Audit:
    """The findings. Lists of ids hold at most 50; the counts beside them are complete."""

    name: str
    samples: int
    counts: dict[str, int]
    parts: dict[str, int]
    sizes: dict[str, Any]  # {"smallest": [w, h], "median": [w, h], "largest": [w, h]}
    unusual: dict[str, int]  # what had to be converted -> how many images
    corrupt: tuple[tuple[str, str], ...]  # (id, reason)
    duplicates: tuple[tuple[str, ...], ...]  # same pixels, any parts
    conflicting: tuple[tuple[str, ...], ...]  # same pixels, different labels
    leaks: tuple[tuple[str, str], ...]  # same pixels in train and in validation or test
    near_leaks: tuple[tuple[str, str], ...]  # same 64-bit difference hash across parts, not the same pixels
    groups_across: tuple[str, ...]  # groups in more than one part
    leak_count: int = 0
    duplicate_count: int = 0
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form."""
        return dataclasses.asdict(self)

    @property
    def problems(self) -> tuple[str, ...]:
        """What a person should know before training, in words; the worst first."""
        few = [f"{name} ({n})" for name, n in self.counts.items() if n < FEW]
        most, least = max(self.counts.values(), default=0), min(self.counts.values(), default=0)
        found = [
            (self.corrupt, f"{len(self.corrupt)} image(s) cannot be read: {_some([i for i, _ in self.corrupt])}"),
            (
                self.leaks,
                f"{self.leak_count} image(s) of validation or test are also in train, pixel for pixel: "
                f"{_some([f'{a} = {b}' for a, b in self.leaks])}; scores will flatter",
            ),
            (
                self.groups_across,
                f"group(s) in more than one part: {_some(list(self.groups_across))}; scores will flatter",
            ),
            (
                self.conflicting,
                f"{len(self.conflicting)} image(s) occur with different labels: {_some([' = '.join(c) for c in self.conflicting])}",
            ),
            (self.near_leaks, f"look-alikes across parts: {_some([f'{a} ~ {b}' for a, b in self.near_leaks])}"),
            (self.duplicate_count, f"{self.duplicate_count} image(s) are copies of another one within their part"),
            (few, f"class(es) with fewer than {FEW} images: {_some(few)}"),
            (
                least and most >= IMBALANCE * least,
                f"the largest class has {most / max(1, least):.0f} times the images of the smallest",
            ),
            *((True, note) for note in self.notes),
        ]
        return tuple(text for there, text in found if there)


@dataclasses.dataclass(frozen=True)
class Look:
    """What one image shows; `error` says why it cannot be read."""

    size: tuple[int, int] | None = None
    pixels: str = ""  # hash of the decoded pixels
    outline: str = ""  # 64-bit difference hash, alike for pictures that look alike
    unusual: str = ""
    error: str = ""


def look(source: Source, image: Image.Image) -> Look:
    """Look at a source that was decoded to `image`."""
    digest = hashlib.blake2b(f"{image.size}".encode() + image.tobytes(), digest_size=16).hexdigest()
    return Look(image.size, digest, _difference_hash(image), unusual(source) or "")


def audit(
    dataset: Dataset,
    split: Split | None = None,
    *,
    workers: int = 2,
    progress: Callable[[int], None] | None = None,
) -> Audit:
    """Decode every image of a data set and look for what is wrong with it.

    Args:
        dataset: the samples; `dataset.notes` are taken over.
        split: the parts to look for leaks between; without it, what the layout gives.
        workers: decoding threads.
        progress: called with 1 after each image.
    """

    def one(sample: Sample) -> Look:
        try:
            found = look(sample.source, read_image(sample.source))
        except ImageError as error:
            found = Look(error=error.found)
        if progress is not None:
            progress(1)
        return found

    with ThreadPoolExecutor(max(1, workers)) as pool:
        return audit_of(dataset, split, list(pool.map(one, dataset.samples)))


def audit_of(dataset: Dataset, split: Split | None, looks: Sequence[Look]) -> Audit:
    """The findings from one look per sample, for whoever has decoded the images already."""
    parts = _parts(dataset, split)
    same = _alike([found.pixels for found in looks])
    label = {s.id: s.label for s in dataset.samples}
    ids = [s.id for s in dataset.samples]
    leaks = [pair for alike in same for pair in _across(alike, parts, ids)]
    exact = set(leaks)
    near = [p for alike in _alike([f.outline for f in looks]) for p in _across(alike, parts, ids) if p not in exact]
    within = sum(n - 1 for alike in same for n in Counter(parts[i] for i in alike).values())
    named = [tuple(ids[i] for i in alike) for alike in same]
    return Audit(
        name=dataset.name,
        samples=len(dataset),
        counts=dataset.counts,
        parts=dict(Counter(parts)),
        sizes=_sizes([found.size for found in looks if found.size is not None]),
        unusual=dict(Counter(found.unusual for found in looks if found.unusual)),
        corrupt=tuple((ids[i], found.error) for i, found in enumerate(looks) if found.error),
        duplicates=tuple(named[:SHOWN]),
        conflicting=tuple(names for names in named if len({label[n] for n in names}) > 1)[:SHOWN],
        leaks=tuple(leaks[:SHOWN]),
        near_leaks=tuple(near[:SHOWN]),
        groups_across=_groups_across(dataset, parts),
        leak_count=len({held for _, held in leaks}),
        duplicate_count=within,
        notes=(*dataset.notes, *(split.notes if split is not None else ())),
    )


def _difference_hash(image: Image.Image) -> str:
    """64 bits: whether each of 8 x 8 cells is brighter than its right neighbour. Empty for a flat picture."""
    grey = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    if np.ptp(grey) < 8:
        return ""
    return np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes().hex()


def _parts(dataset: Dataset, split: Split | None) -> list[str]:
    if split is None:
        return [s.split or "all" for s in dataset.samples]
    parts = ["unused"] * len(dataset)
    for name, indices in (("train", split.train), ("val", split.val), ("test", split.test)):
        for i in indices:
            parts[int(i)] = name
    return parts


def _alike(keys: list[str]) -> list[list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        if key:
            found[key].append(i)
    return [members for members in found.values() if len(members) > 1]


def _across(alike: list[int], parts: list[str], ids: list[str]) -> list[tuple[str, str]]:
    """(training id, held-out id) for each held-out sample that has a copy in train."""
    train = [i for i in alike if parts[i] == "train"]
    return [(ids[train[0]], ids[i]) for i in alike if train and parts[i] in ("val", "test")]


def _groups_across(dataset: Dataset, parts: list[str]) -> tuple[str, ...]:
    seen: dict[str, set[str]] = defaultdict(set)
    for sample, part in zip(dataset.samples, parts, strict=True):
        if sample.group is not None:
            seen[sample.group].add(part)
    return tuple(sorted(group for group, found in seen.items() if len(found) > 1))


def _sizes(sizes: list[tuple[int, int]]) -> dict[str, Any]:
    if not sizes:
        return {}
    order = sorted(sizes, key=lambda s: s[0] * s[1])
    return {"smallest": list(order[0]), "median": list(order[len(order) // 2]), "largest": list(order[-1])}


def _some(names: list[str], n: int = 3) -> str:
    return ", ".join(names[:n]) + (f" and {len(names) - n} more" if len(names) > n else "")
