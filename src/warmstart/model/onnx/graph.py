"""An ONNX file as plain data: what is computed (JSON) apart from the numbers it is computed with (tensors).

The classifier is taken off: features are what the last linear layer reads. https://onnx.ai/onnx/intro/concepts.html
"""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from warmstart.errors import BackboneError, MissingExtraError

_TRAILING = {"Softmax", "LogSoftmax", "Identity", "Sigmoid"}
"""What may stand behind a classifier's linear layer."""


@dataclasses.dataclass(frozen=True)
class Step:
    """One operator: ONNX's name for it, the values it reads ("" for one left out) and gives, and its attributes."""

    op: str
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    attributes: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Graph:
    """From images to features. `weights` are shapes of the floating-point tensors, `constants` all other tensors."""

    source: str  # name of the images
    features: str  # name of the value that the head is to read
    rank: int  # its number of dimensions; a map of features (4) is averaged over its sides
    channels: int
    size: int  # input side, pixels; 0 where the file leaves it open
    flops: int  # floating-point operations for an input, as far as the file states shapes
    batch: int  # inputs at a time; 0 for any number
    steps: tuple[Step, ...]
    weights: dict[str, tuple[int, ...]]
    constants: dict[str, Any]

    def to_json(self) -> str:
        """Text; `from_json` is its inverse."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Graph:
        """Inverse of `to_json`."""
        data = json.loads(text)
        steps = tuple(Step(s["op"], tuple(s["reads"]), tuple(s["gives"]), s["attributes"]) for s in data.pop("steps"))
        weights = {name: tuple(shape) for name, shape in data.pop("weights").items()}
        return cls(steps=steps, weights=weights, **data)


@dataclasses.dataclass(frozen=True)
class OnnxFile:
    """A graph, its numbers, and the classifier that was taken off it, if it had one."""

    graph: Graph
    tensors: dict[str, Tensor]
    classifier: nn.Linear | None
    model: Any  # onnx.ModelProto


def read_onnx(path: Path) -> OnnxFile:
    """Read a file; nothing in it is executed.

    Raises:
        BackboneError: no ONNX file, or not one that takes one batch of images (n, channels, height, width).
        MissingExtraError: the package `onnx` is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError(f"the ONNX file {path}", "export") from error
    if not path.is_file():
        raise BackboneError(f"no ONNX file at {path}", expected="a .onnx file")
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
        model = onnx.shape_inference.infer_shapes(model)
    except Exception as error:  # a damaged or hostile file can make the parser raise anything
        raise BackboneError(
            f"ONNX file {path} was refused: {next(iter(str(error).splitlines()), type(error).__name__)}",
            expected="a whole ONNX model",
            do="export or download it again",
        ) from error
    tensors, constants = _numbers(model)
    numbers = set(tensors) | set(constants)
    steps = [_step(node) for node in model.graph.node if node.output[0] not in numbers]
    features, classifier = _classifier(model.graph.output[0].name, steps, tensors)
    used = _needed(steps, features)
    names = {name for step in used for name in step.reads}
    source, channels, size, batch = _input(model, path, numbers)
    flops = sum(_flops(step, tensors, _shapes(model)) for step in used)
    graph = Graph(
        source,
        features,
        len(_shapes(model).get(features, (0, 0))),
        channels,
        size,
        flops,
        batch,
        used,
        {name: tuple(tensor.shape) for name, tensor in tensors.items() if name in names},
        {name: value for name, value in constants.items() if name in names},
    )
    return OnnxFile(graph, {name: tensors[name] for name in graph.weights}, classifier, model)


def _numbers(model: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Floating-point tensors, and all others as lists."""
    import onnx

    found = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        value = next((a.t for a in node.attribute if a.name == "value"), None)
        if node.op_type == "Constant" and value is not None:
            found[node.output[0]] = onnx.numpy_helper.to_array(value)
        if node.op_type == "Identity" and node.input[0] in found:  # equal numbers are kept once
            found[node.output[0]] = found[node.input[0]]
    floats = {n: torch.from_numpy(np.array(v, np.float32)) for n, v in found.items() if v.dtype.kind == "f"}
    return floats, {name: value.tolist() for name, value in found.items() if value.dtype.kind != "f"}


def _step(node: Any) -> Step:
    import onnx

    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    plain = {name: _plain(value) for name, value in attributes.items()}
    return Step(node.op_type, tuple(node.input), tuple(node.output), plain)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, int | float | str) else [_plain(v) for v in value] if _is_list(value) else None


def _is_list(value: Any) -> bool:
    return hasattr(value, "__iter__")


def _classifier(output: str, steps: list[Step], tensors: dict[str, Tensor]) -> tuple[str, nn.Linear | None]:
    """(name of what the last linear layer reads, that layer); (the output, `None`) where it does not end in one."""
    makers = {name: step for step in steps for name in step.gives}
    name = output
    while name in makers and makers[name].op in _TRAILING:
        name = makers[name].reads[0]
    last, bias = makers.get(name), None
    if last is not None and last.op == "Add":
        product, bias = (last.reads[0], tensors.get(last.reads[1])) if last.reads[1] in tensors else ("", None)
        last = makers.get(product)
    if last is None or last.op not in ("Gemm", "MatMul") or len(last.reads) < 2 or last.reads[1] not in tensors:
        return output, None
    weight = tensors[last.reads[1]]
    if last.op == "Gemm":
        bias = tensors.get(last.reads[2]) if len(last.reads) > 2 else None
    weight = weight if last.attributes.get("transB") else weight.T
    head = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(torch.zeros(len(weight)) if bias is None else bias)
    return last.reads[0], head.eval().requires_grad_(False)


def _shapes(model: Any) -> dict[str, list[int]]:
    """Of every value that is not an initializer, as far as inference goes; 0 for a side that is open."""
    values = [*model.graph.value_info, *model.graph.output]
    return {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in values}


def _flops(step: Step, tensors: dict[str, Tensor], shapes: dict[str, list[int]]) -> int:
    """Two per multiply-add of the operators that make up the cost."""
    if step.op not in ("Conv", "Gemm", "MatMul") or step.reads[1] not in tensors:
        return 0
    weight = tensors[step.reads[1]]
    places = math.prod(shapes.get(step.gives[0], [])[2:]) if step.op == "Conv" else 1
    return 2 * weight.numel() * places


def _needed(steps: list[Step], features: str) -> tuple[Step, ...]:
    wanted, used = {features}, list[Step]()
    for step in reversed(steps):
        if wanted & set(step.gives):
            used.append(step)
            wanted |= set(step.reads)
    return tuple(reversed(used))


def _input(model: Any, path: Path, numbers: set[str]) -> tuple[str, int, int, int]:
    """(name, channels, side or 0, batch or 0) of the images."""
    inputs = [value for value in model.graph.input if value.name not in numbers]
    shapes = [[d.dim_value for d in value.type.tensor_type.shape.dim] for value in inputs]
    if len(inputs) != 1 or len(shapes[0]) != 4 or shapes[0][1] not in range(1, 257):
        told = ", ".join(f"{value.name} {shape}" for value, shape in zip(inputs, shapes, strict=True))
        raise BackboneError(
            f"ONNX file {path} takes {told or 'nothing'}",
            expected="one input: images (n, channels, height, width), the number of channels stated",
            do="export the network with channels first",
        )
    batch, channels, height, width = shapes[0]
    return inputs[0].name, channels, height if height == width else 0, batch
