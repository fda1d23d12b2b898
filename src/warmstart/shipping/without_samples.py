"""A bundle that holds no sample of anybody: what is asked at each load is generated, and features are left out.

The check at each load keeps its worth: it compares answers of this machine with those of another, and any input will
do for that. What is lost is `unknown`, which needs features of training samples to compare with.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from warmstart.data.schema import Sample, Series, Text
from warmstart.errors import BundleError
from warmstart.preprocess.reader import read_image
from warmstart.shipping import golden as golden_files
from warmstart.shipping import manifest as layout
from warmstart.shipping import reference as reference_file
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.files import sha256, verified

_INPUTS = 8
"""Drawn; of them, the two of the least certain answers are kept."""
_TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "Rain is expected in the north on Tuesday, and sunshine elsewhere.",
    "She bought three apples, two pears and a loaf of bread for 4.50.",
    "Why did nobody answer the telephone when it rang for the third time?",
    "The committee will publish its report before the end of the year.",
    "I would not watch this again; the second half was far too long.",
    "Our team won by a single goal in the last minute of the match!",
    "A new engine makes the train quieter and saves a tenth of the energy.",
)


def all_files(bundle: Bundle) -> dict[str, bytes]:
    """The bytes of every file of a bundle, each as its sum says, `bundle.json` last."""
    files = {name: verified(bundle.folder, name, expected) for name, expected in bundle.manifest.files.items()}
    text = (bundle.folder / layout.NAME).read_bytes()
    if layout.from_json(text, str(bundle.folder)) != bundle.manifest:
        raise BundleError(f"{bundle.folder / layout.NAME} was changed while it was read", do="do it again")
    return {**files, layout.NAME: text}


def without_samples(bundle: Bundle, *, seed: int = 0) -> dict[str, bytes]:
    """The files of the same bundle without samples of others. They were loaded, and answered as they should.

    A head that holds features itself, such as that of nearest neighbours, still does: see `traces`.
    """
    files = {name: content for name, content in all_files(bundle).items() if not name.startswith("golden")}
    del files[layout.NAME]
    if bundle.reference is not None and bundle.reference.bank is not None:
        del files[reference_file.NAME]
        if bundle.reference.scores is not None:
            files[reference_file.NAME] = reference_file.to_bytes(dataclasses.replace(bundle.reference, bank=None))
    samples = [Sample(f"generated {i}", one) for i, one in enumerate(_like(bundle.golden()[0].source, seed))]
    names = golden_files.checked_names(bundle.manifest.target)
    files |= golden_files.make(samples, names, lambda asked: _answers(bundle, asked), bundle.spec)
    sums = {name: sha256(content) for name, content in files.items()}
    facts = bundle.manifest.model_copy(update={"files": sums})
    files[layout.NAME] = layout.to_json(facts).encode()
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        Bundle.load(folder)
    return files


def _answers(bundle: Bundle, samples: Sequence[Sample]) -> Tensor:
    return bundle.task.checked(bundle.outputs(samples).outputs)


def _like(source: Any, seed: int) -> list[Any]:
    """Generated inputs of the kind and the shape of one."""
    draw = np.random.default_rng(seed)
    if isinstance(source, Text):
        parts = len(source.parts)
        return [Text(tuple(_TEXTS[(i + k) % len(_TEXTS)] for k in range(parts))) for i in range(_INPUTS)]
    if isinstance(source, Series):
        return [Series(draw.normal(size=source.values.shape).cumsum(axis=-1)) for _ in range(_INPUTS)]
    if isinstance(source, np.ndarray):
        low, high = np.nanmin(source), np.nanmax(source)
        return [_smooth(draw, source.shape, float(low), float(high)).astype(source.dtype) for _ in range(_INPUTS)]
    width, height = read_image(source).size
    drawn = [_smooth(draw, (height, width, 3), 0.0, 255.0) for _ in range(_INPUTS)]
    return [Image.fromarray(one.astype(np.uint8)) for one in drawn]


def _smooth(draw: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> np.ndarray[Any, Any]:
    """Patches of colour with noise on them, (H, W, C): something with edges, which resizing and filters act on."""
    height, width, channels = shape
    patch = draw.uniform(size=(8, 8, channels))
    rows, columns = (np.arange(side) * 8 // side for side in (height, width))
    found: np.ndarray[Any, Any] = np.clip(patch[rows][:, columns] + draw.normal(0, 0.05, shape), 0, 1)
    return low + (high - low) * found
