"""From an input as it is given to what the network takes, for each kind of input that a bundle may be for."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from warmstart.data.futures import Window
from warmstart.data.schema import Sample, Series, Text
from warmstart.data.signals import read_series
from warmstart.data.sources import load_inputs
from warmstart.data.sources.series.arrays import as_series
from warmstart.data.tokens import padded
from warmstart.errors import DataError, WarmstartError
from warmstart.preprocess.image import normalise, read_pixels
from warmstart.preprocess.kinds import Spec
from warmstart.preprocess.series import SeriesSpec
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.text import TOKENIZER, TextSpec
from warmstart.preprocess.writing import encode_written


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Ready:
    """What `read` gave of a source, as the source of a sample that is not to be read again."""

    found: Tensor | WarmstartError


def spec_of(facts: dict[str, Any], files: Mapping[str, bytes]) -> Spec:
    """The preprocessing that a manifest states; a tokenizer is a file of the bundle.

    Raises `KeyError`, `TypeError` or `ValueError` where facts and files do not fit.
    """
    if facts.get("kind") == "text":
        return TextSpec.from_dict(facts, files[TOKENIZER].decode("utf-8"))
    if facts.get("kind") == "series":
        return SeriesSpec.from_dict(facts)
    return PreprocessSpec.from_dict(facts)


def spec_files(spec: Spec) -> dict[str, bytes]:
    """Files that belong to a preprocessing."""
    return {TOKENIZER: spec.tokenizer.encode("utf-8")} if isinstance(spec, TextSpec) else {}


def as_samples(inputs: Any, spec: Spec | None = None) -> tuple[Sample, ...]:
    """Inputs with an id each: the path as it was given, `row-17` for what lies in memory. Samples stay what they are.

    Where `spec` is of texts, a string is a text, and two of them are a pair. What is no list or tuple is one input, a
    folder, a table or an array of them, as `warmstart.data.sources.load_inputs` reads it.

    >>> [sample.id for sample in as_samples(["photos/a.jpg", b"..."])]
    ['photos/a.jpg', 'row-1']
    """
    if not isinstance(inputs, list | tuple):
        return load_inputs(inputs, kind="image" if spec is None else spec.kind)
    return tuple(sample for i, item in enumerate(inputs) for sample in _samples(i, item, spec))


def _samples(i: int, item: Any, spec: Spec | None) -> tuple[Sample, ...]:
    """One, but of a file of series all that are in it."""
    if isinstance(item, Sample):
        return (item,)
    if isinstance(spec, SeriesSpec) and isinstance(item, str | Path):
        return load_inputs([item], kind="series")
    if isinstance(spec, SeriesSpec):
        return (Sample(f"row-{i}", as_series(item, f"row-{i}")),)
    return (_sample(i, item, spec),)


def _sample(i: int, item: Any, spec: Spec | None) -> Sample:
    if isinstance(spec, TextSpec):
        if isinstance(item, str):
            item = Text((item,))
        elif isinstance(item, tuple | list) and all(isinstance(part, str) for part in item):
            item = Text(tuple(item))
        return Sample(f"row-{i}", item)
    return Sample(Path(item).as_posix() if isinstance(item, (str, Path)) else f"row-{i}", item)


def read(sample: Sample, spec: Spec) -> Tensor:
    """One input, not yet of the size of the others.

    Raises:
        WarmstartError: it cannot be read.
    """
    if isinstance(sample.source, Ready):
        if isinstance(sample.source.found, WarmstartError):
            raise sample.source.found
        return sample.source.found
    if isinstance(spec, PreprocessSpec):
        return read_pixels(sample.source, spec)
    if isinstance(spec, SeriesSpec):
        if isinstance(sample.source, Window) and not np.isfinite(sample.source.values).any():
            raise DataError(f"{sample.id} has no known value to go on from", expected="some among its last ones")
        return read_series(sample, spec)
    if (error := unreadable(sample)) is not None:
        raise error
    parts = [sample.source.parts]
    (found,) = encode_written(spec, parts, [None]) if spec.writes else spec.encode(parts)
    return torch.from_numpy(found.tokens)


def unreadable(sample: Sample) -> WarmstartError | None:
    """Why a sample is no text that can be read; `None` if it is one."""
    if isinstance(sample.source, Ready) and isinstance(sample.source.found, WarmstartError):
        return sample.source.found
    if not isinstance(sample.source, Text):
        return DataError(f"{sample.id} is no text", expected="texts, which this bundle is for")
    if not any(part.strip() for part in sample.source.parts):
        return DataError(f"{sample.id} is empty", expected="a text")
    return None


def uncut(sample: Sample, window: int | None) -> DataError | None:
    """Why a recording should be cut into windows of so many steps first: a whole one would be squeezed into one."""
    source = sample.source
    if window is None or not isinstance(source, Series) or source.steps < 2 * window:
        return None
    return DataError(
        f"{sample.id} has {source.steps} steps, and the model was trained on windows of {window}",
        expected="windows of that length, or recordings that are cut into them",
        do=f"cut them with window={window} (--window {window})",
    )


def stacked(inputs: Sequence[Tensor], spec: Spec) -> Tensor:
    """What was read of several inputs, as the network takes it."""
    if isinstance(spec, PreprocessSpec):
        return normalise(inputs, spec)
    if isinstance(spec, SeriesSpec):
        return torch.stack(list(inputs))
    return padded([tokens.numpy() for tokens in inputs])


def series_file(source: Any) -> bytes:
    """A series as the golden file that is stored."""
    if not isinstance(source, Series):
        raise DataError("a golden sample is no time series", expected="series, which this bundle is for")
    rows = [[None if np.isnan(value) else value for value in row] for row in source.values.astype(float).tolist()]
    return json.dumps({"series": rows}).encode()


def text_file(source: Any) -> bytes:
    """A text as the golden file that is stored."""
    if not isinstance(source, Text):
        raise DataError("a golden sample is no text", expected="texts, which this bundle is for")
    return json.dumps({"text": list(source.parts)}, ensure_ascii=False).encode("utf-8", "surrogatepass")


def from_file(content: bytes) -> Text | Series:
    """Inverse of `text_file` and `series_file`. Raises `ValueError`, `KeyError` or `TypeError` for anything else."""
    found = json.loads(content.decode("utf-8", "surrogatepass"))
    if "series" in found:
        return Series(np.array(found["series"], dtype=np.float64))
    parts = found["text"]
    return Text(tuple(str(part) for part in parts))
