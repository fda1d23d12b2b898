"""The contract of a format. Adding one is a file beside this one."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from torch.export import ExportedProgram

from warmstart.errors import ExportError, MissingExtraError
from warmstart.exporting.entrances import Feeds
from warmstart.registry import Registry

FormatName = Literal["onnx", "openvino", "torch"]
Run = Callable[[Feeds], npt.NDArray[Any]]
"""From inputs of a graph to its output."""


@dataclasses.dataclass(frozen=True)
class Graph:
    """What is written."""

    program: ExportedProgram
    output: str
    """What the output is to be called."""
    facts: dict[str, Any]
    """See `warmstart.exporting.metadata`."""
    calibration: Sequence[Feeds] = ()
    """Real inputs, from whose activations the scales of int8 are taken; without any the graph stays in float32."""


class Format(Protocol):
    """A kind of file."""

    suffix: str
    """Of the file that is opened, with its dot."""
    beside: tuple[str, ...]
    """Suffixes of what else is written, without which the first cannot be opened."""
    holds_int8: bool
    tolerance: float
    """Largest difference from what the bundle answers, for graphs in float32; see `Exit.compared` for its unit."""

    def write(self, graph: Graph, path: Path) -> None:
        """Write a graph. Raises `ExportError` where the format cannot hold it."""
        ...

    def open(self, path: Path) -> Run:
        """Open what was written, as a user would, on as many threads as torch has."""
        ...


formats: Registry[Format] = Registry("format", ExportError)
formats.add("onnx", "warmstart.exporting.onnx:ONNX")
formats.add("openvino", "warmstart.exporting.openvino:OPENVINO")
formats.add("torch", "warmstart.exporting.torch_export:TORCH")

_NEEDS = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "openvino": ("onnx", "onnxscript", "openvino"), "torch": ()}


def require(name: FormatName, *, int8: bool = False) -> None:
    """Raise `MissingExtraError` where what writes and opens a format is not installed."""
    needs = (*_NEEDS[name], *(["onnxruntime"] if int8 else []))
    if any(importlib.util.find_spec(package) is None for package in needs):
        raise MissingExtraError(f"exporting as {name}", "export")


def texts(facts: dict[str, Any]) -> dict[str, str]:
    """Facts as formats keep them, which know texts alone: what is no text is JSON.

    >>> texts({"task": "classify", "classes": ["a"]})
    {'task': 'classify', 'classes': '["a"]'}
    """
    return {k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in facts.items()}


def first(outputs: Any) -> npt.NDArray[Any]:
    """The one output, as an array of its own."""
    return np.array(outputs[0])
