"""From an input as it is given to what the network takes, for each kind of input that a bundle may be for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from warmstart.data.schema import Sample, Text
from warmstart.data.sources import load_inputs
from warmstart.data.tokens import padded
from warmstart.errors import DataError
from warmstart.preprocess.image import normalise, read_pixels
from warmstart.preprocess.kinds import Spec
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.text import TOKENIZER, TextSpec
from warmstart.preprocess.writing import encode_written


def spec_of(facts: dict[str, Any], files: Mapping[str, bytes]) -> Spec:
    """The preprocessing that a manifest states; a tokenizer is a file of the bundle.

    Raises `KeyError`, `TypeError` or `ValueError` where facts and files do not fit.
    """
    if facts.get("kind") == "text":
        return TextSpec.from_dict(facts, files[TOKENIZER].decode("utf-8"))
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
        return load_inputs(inputs, kind="text" if isinstance(spec, TextSpec) else "image")
    return tuple(item if isinstance(item, Sample) else _sample(i, item, spec) for i, item in enumerate(inputs))


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
    if isinstance(spec, PreprocessSpec):
        return read_pixels(sample.source, spec)
    if (error := unreadable(sample)) is not None:
        raise error
    parts = [sample.source.parts]
    (found,) = encode_written(spec, parts, [None]) if spec.writes else spec.encode(parts)
    return torch.from_numpy(found.tokens)


def unreadable(sample: Sample) -> DataError | None:
    """Why a sample is no text that can be read; `None` if it is one."""
    if not isinstance(sample.source, Text):
        return DataError(f"{sample.id} is no text", expected="texts, which this bundle is for")
    if not any(part.strip() for part in sample.source.parts):
        return DataError(f"{sample.id} is empty", expected="a text")
    return None


def stacked(inputs: Sequence[Tensor], spec: Spec) -> Tensor:
    """What was read of several inputs, as the network takes it."""
    if isinstance(spec, PreprocessSpec):
        return normalise(inputs, spec)
    return padded([tokens.numpy() for tokens in inputs])


def text_file(source: Any) -> bytes:
    """A text as the golden file that is stored."""
    if not isinstance(source, Text):
        raise DataError("a golden sample is no text", expected="texts, which this bundle is for")
    return json.dumps({"text": list(source.parts)}, ensure_ascii=False).encode("utf-8", "surrogatepass")


def from_text_file(content: bytes) -> Text:
    """Inverse of `text_file`. Raises `ValueError`, `KeyError` or `TypeError` for anything else."""
    parts = json.loads(content.decode("utf-8", "surrogatepass"))["text"]
    return Text(tuple(str(part) for part in parts))
