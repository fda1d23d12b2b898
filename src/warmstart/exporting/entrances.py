"""What goes into an exported graph: names, shapes and types of its inputs, and how samples become them.

Images come as the network takes them, float32 (n, C, size, size), or, with the preprocessing inside, with the values
they are stored with, channels last: uint8 (n, size, size, C) of pictures. Resizing stays outside: no graph repeats
Pillow's rounding between its two passes bit for bit. Series come scaled, or with their scale inside. A text comes as
the three rows that tokenizers give, and its tokenizer is a file beside the graph.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from warmstart.data.schema import Sample
from warmstart.data.signals import read_series
from warmstart.preprocess.kinds import Spec
from warmstart.preprocess.series import FLAT, SeriesSpec
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.text import TextSpec
from warmstart.shipping.reading import read, stacked

Feeds = dict[str, npt.NDArray[Any]]
"""Inputs of a graph by name, as numpy arrays in one piece."""
BATCH, LENGTH = "batch", "length"
"""What the dimensions of any size are called."""


@dataclasses.dataclass(frozen=True)
class Entrance:
    """One input of a graph: `shape` has the name of a dimension in the place of one of any size."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str
    holds: str
    """What it is, in words."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """How one kind of input comes into a graph.

    Args:
        spec: the preprocessing of the bundle.
        inside: whether what can be done of it in a graph is done there.
    """

    spec: Spec
    inside: bool = False

    @property
    def entrances(self) -> tuple[Entrance, ...]:
        """The inputs of the graph."""
        spec = self.spec
        if isinstance(spec, TextSpec):
            rows = {
                "input_ids": "numbers of the tokens",
                "attention_mask": "1 for a token, 0 behind the end of a text",
                "token_type_ids": "which text of a pair a token is of",
            }
            return tuple(Entrance(name, (BATCH, LENGTH), "int64", said) for name, said in rows.items())
        if isinstance(spec, SeriesSpec):
            holds = "values as they are" if self.inside else "values, scaled"
            return (Entrance("series", (BATCH, spec.channels, spec.size), "float32", holds),)
        if self.inside:
            shape = (BATCH, spec.size, spec.size, spec.channels)
            dtype = "float32" if spec.banded else "uint8"
            return (Entrance("pixels", shape, dtype, "stored values, resized, channels last"),)
        shape = (BATCH, spec.channels, spec.size, spec.size)
        return (Entrance("image", shape, "float32", "stored values, resized, over scale, minus mean, over std"),)

    @property
    def outside(self) -> str:
        """What is left to whoever asks, in words."""
        if isinstance(self.spec, TextSpec):
            return "the tokenizer, in the file beside the graph"
        if isinstance(self.spec, SeriesSpec):
            scale = "" if self.inside or self.spec.scale == "none" else ", and the scale"
            return f"filling missing values, bringing series to {self.spec.size} steps{scale}"
        scale = "" if self.inside else ", and normalising"
        return f"reading, resizing and cropping to {self.spec.size} x {self.spec.size} pixels{scale}"

    def example(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Inputs of the graph, of inputs (n, ...) of the network whose values do not matter."""
        if isinstance(self.spec, TextSpec):
            ids = inputs[..., 0].contiguous()
            return ids, torch.ones_like(ids), torch.zeros_like(ids)
        if isinstance(self.spec, PreprocessSpec) and self.inside:
            inputs = inputs.permute(0, 2, 3, 1).contiguous()
            return (inputs if self.spec.banded else inputs.to(torch.uint8),)
        return (inputs.contiguous(),)

    def entered(self, given: Sequence[Tensor]) -> Tensor:
        """What the network takes, of the inputs of the graph; this is part of the graph."""
        if isinstance(self.spec, TextSpec):
            ids, mask, types = given
            return torch.stack([ids.masked_fill(mask == 0, -1), types], -1)
        (x,) = given
        if not self.inside:
            return x
        if isinstance(self.spec, SeriesSpec):
            return _scaled(x) if self.spec.scale == "series" else x
        mean, std = (torch.tensor(values, dtype=torch.float32) for values in (self.spec.mean, self.spec.std))
        return ((x.float() / self.spec.divisor - mean) / std).permute(0, 3, 1, 2)

    def read(self, sample: Sample) -> Tensor:
        """A sample, as far as it is prepared outside the graph. Raises `WarmstartError` if it cannot be read."""
        if isinstance(self.spec, SeriesSpec) and self.inside:
            return read_series(sample, dataclasses.replace(self.spec, scale="none"))
        return read(sample, self.spec)

    def feeds(self, inputs: Sequence[Tensor]) -> Feeds:
        """Inputs of the graph for samples that were read."""
        if isinstance(self.spec, PreprocessSpec) and self.inside:
            values = torch.stack(list(inputs)).permute(0, 2, 3, 1)
            tensors: Sequence[Tensor] = (values.float() if self.spec.banded else values,)
        elif isinstance(self.spec, TextSpec):
            tokens = stacked(inputs, self.spec)
            there = tokens[..., 0] >= 0
            tensors = (tokens[..., 0].clamp_min(0), there.long(), tokens[..., 1].clamp_min(0))
        else:
            tensors = (stacked(inputs, self.spec),)
        named = zip(self.entrances, tensors, strict=True)
        return {one.name: np.ascontiguousarray(tensor.numpy()) for one, tensor in named}


def _scaled(x: Tensor) -> Tensor:
    """As `warmstart.preprocess.series.scaled`, in float64 as there."""
    values = x.double()
    mean = values.mean(-1, keepdim=True)
    std = (values - mean).square().mean(-1, keepdim=True).sqrt()
    flat = std <= FLAT * values.abs().amax(-1, keepdim=True).clamp_min(1e-12)
    return torch.where(flat, 0.0, (values - mean) / torch.where(flat, 1.0, std)).float()


def tensors(feeds: Mapping[str, npt.NDArray[Any]]) -> tuple[Tensor, ...]:
    """The arrays as tensors, in their order."""
    return tuple(torch.from_numpy(array) for array in feeds.values())
