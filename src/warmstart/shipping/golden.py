"""The golden sample: a real input and the answer to it, stored in the bundle and asked again whenever it is loaded.

It finds what sums cannot: a reader, a resize or a layer that works otherwise on this machine than where the bundle was
made.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from warmstart.data.schema import Sample
from warmstart.data.targets import Target
from warmstart.errors import BundleError
from warmstart.preprocess.kinds import Spec
from warmstart.preprocess.reader import read_image
from warmstart.preprocess.resample import filled
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import read_bands
from warmstart.shipping.reading import from_file, series_file, text_file

NAME = "golden.json"
ENDS = {"picture": "png", "bands": "npy", "text": "text.json", "series": "series.json"}
"""Of the names of golden inputs, by what they are."""
CANDIDATES = 32
TOLERANCE = 1e-3
"""Largest difference of a probability. Other processors differ by about 1e-6, another resampling filter by 1e-2."""

MAX_SIDE = 512
"""Pixels. A larger sample is reduced before it is stored; the answer stored is the one to the reduced image."""

Probabilities = Callable[[Sequence[Sample]], Tensor]


def to_file(source: Any, spec: Spec) -> bytes:
    """An input as the file that is stored, no side longer than `MAX_SIDE`.

    A PNG of a picture; of bands the middle, as `.npy` (H, W, C) with the bands that the backbone takes, in its order;
    JSON of a text or a series.
    """
    if not isinstance(spec, PreprocessSpec):
        return text_file(source) if spec.kind == "text" else series_file(source)
    buffer = io.BytesIO()
    if spec.banded:
        bands = read_bands(source, spec)
        top, left = (max(0, side - MAX_SIDE) // 2 for side in bands.values.shape[:2])
        np.save(buffer, filled(bands, spec)[top : top + MAX_SIDE, left : left + MAX_SIDE], allow_pickle=False)
        return buffer.getvalue()
    image = read_image(source)
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    image.save(buffer, "PNG")
    return buffer.getvalue()


def make(
    samples: Sequence[Sample], classes: Sequence[str], probabilities: Probabilities, spec: Spec
) -> dict[str, bytes]:
    """The golden files by name: one for each of at most two samples, and `golden.json` with all probabilities.

    Of the first `CANDIDATES` samples those are kept whose answer is least certain: they move first when something
    drifts, while an answer of 1.000 hides much.
    """
    stored = [to_file(sample.source, spec) for sample in samples[:CANDIDATES]]
    answers = probabilities([Sample(f"candidate {i}", _input(content)) for i, content in enumerate(stored)])
    end = ENDS[spec.kind if spec.kind != "image" else "bands" if spec.banded else "picture"]
    kept = dict(zip(names(end), answers.max(1).values.argsort().tolist(), strict=False))
    expected = {name: dict(zip(classes, answers[i].tolist(), strict=True)) for name, i in kept.items()}
    return {**{name: stored[i] for name, i in kept.items()}, NAME: (json.dumps(expected, indent=2) + "\n").encode()}


def names(end: str) -> tuple[str, str]:
    """Of the two inputs.

    >>> names("png")
    ('golden.png', 'golden-2.png')
    """
    return f"golden.{end}", f"golden-2.{end}"


def _input(content: bytes) -> Any:
    """What is asked for an answer: a PNG as it is, an array with its channels last, a text, a series."""
    if content[:1] == b"{":
        return from_file(content)
    return np.load(io.BytesIO(content), allow_pickle=False) if content[:6] == np.lib.format.MAGIC_PREFIX else content


def stored(files: Mapping[str, bytes]) -> list[Sample]:
    """The golden inputs among the files of a bundle."""
    return [Sample(name, _input(files[name])) for name in json.loads(files[NAME])]


def check(files: dict[str, bytes], classes: Sequence[str], probabilities: Probabilities, where: str) -> None:
    """Ask again. Raises `BundleError` that names the sample, the class and both probabilities when they differ."""
    try:
        expected: dict[str, dict[str, float]] = json.loads(files[NAME])
        samples = stored(files)
        wanted = [[float(answer[name]) for name in classes] for answer in expected.values()]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BundleError(f"{where}/{NAME} does not fit the bundle: {error!r}", do="copy the bundle again") from error
    for sample, want, got in zip(samples, wanted, probabilities(samples).tolist(), strict=True):
        for name, w, g in zip(classes, want, got, strict=True):
            if not abs(w - g) <= TOLERANCE:  # written so that NaN is a difference
                raise BundleError(
                    f"the bundle {where} answers otherwise than when it was made: {sample.id}, class {name!r}: {g:.4f}",
                    expected=f"{w:.4f}, to within {TOLERANCE:g}",
                    do="install the versions listed in bundle.json; or load it with check=False and evaluate it anew",
                )


def checked_names(target: Target) -> tuple[str, ...]:
    """What the numbers of `Task.checked` are called in the golden file."""
    return target.classes or ("first token",)
