"""A graph from an ONNX file as a torch module: of torch's layers, or as ONNX Runtime computes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from warmstart.errors import MissingExtraError
from warmstart.model.onnx.graph import Graph, Step
from warmstart.model.onnx.operators import NotConvertibleError, function, layer, layer_state


class OnnxNetwork(nn.Module):
    """Images (n, channels, height, width) to features (n, features), by layers with torch's default initialisation.

    A layer is named after its weight in the file ("layer1.0.conv1"), or after its operator and number.

    Raises:
        NotConvertibleError: an operator is not known here.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self._calls: list[tuple[Step, str, Any]] = []  # (step, name of its layer or "", its function)
        for number, step in enumerate(graph.steps):
            made = layer(step, graph)
            if made is None:
                self._calls.append((step, "", function(step, graph)))
                continue
            name = _layer_name(step, number)
            _put(self, name, made)
            self._calls.append((step, name, None))
        held = {name for step, layer_, _ in self._calls if layer_ for name in step.reads[1:]}
        self.numbers = nn.ParameterDict(
            {_key(name): nn.Parameter(torch.zeros(shape)) for name, shape in graph.weights.items() if name not in held}
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features."""
        values: dict[str, Any] = {self.graph.source: x}
        for step, name, call in self._calls:
            if name:
                values[step.gives[0]] = self.get_submodule(name)(values[step.reads[0]])
                continue
            reads = [self._value(read, values) for read in step.reads if read not in self.graph.constants]
            values[step.gives[0]] = call(*reads)
        features: Tensor = values[self.graph.features]
        return features.mean((2, 3)) if self.graph.rank == 4 else features.flatten(1)

    @torch.no_grad()
    def fill(self, tensors: Mapping[str, Tensor]) -> None:
        """Put the file's numbers in place."""
        for step, name, _ in self._calls:
            if name:
                self.get_submodule(name).load_state_dict(layer_state(step, tensors), strict=False)
        for name, tensor in tensors.items():
            if _key(name) in self.numbers:
                self.numbers[_key(name)].copy_(tensor)

    def _value(self, name: str, values: dict[str, Any]) -> Any:
        if not name:
            return None
        return self.numbers[_key(name)] if name in self.graph.weights else values[name]


class SessionNetwork(nn.Module):
    """The same, computed by ONNX Runtime on the CPU: no parameters, no gradients, no cuts."""

    def __init__(self, model: bytes, graph: Graph) -> None:
        super().__init__()
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError(
                "an ONNX network with operators that torch's layers do not cover", "export"
            ) from error
        self._model, self.graph = model, graph
        self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        side = graph.size or 224
        self._width = self(torch.zeros(graph.batch or 1, graph.channels, side, side)).shape[1]

    def forward(self, x: Tensor) -> Tensor:
        """Features. Of a meta tensor (no data: somebody counts), a product of as many operations as the graph has."""
        if x.is_meta:
            depth = max(1, self.graph.flops // (2 * self._width))
            return x.new_empty(len(x), depth) @ x.new_empty(depth, self._width)
        parts = torch.split(x.detach().cpu().contiguous(), self.graph.batch or len(x))
        found = [self._session.run([self.graph.features], {self.graph.source: part.numpy()})[0] for part in parts]
        features = torch.from_numpy(np.concatenate(found)).to(x.device)
        return features.mean((2, 3)) if features.ndim == 4 else features.flatten(1)

    def __deepcopy__(self, memo: dict[int, Any]) -> SessionNetwork:
        return SessionNetwork(self._model, self.graph)


def with_features_as_output(model: Any, graph: Graph) -> bytes:
    """The model, its features an output beside its own."""
    import onnx

    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    if graph.features not in {value.name for value in changed.graph.output}:
        changed.graph.output.append(onnx.helper.make_empty_tensor_value_info(graph.features))
    serialized: bytes = changed.SerializeToString()
    return serialized


def _layer_name(step: Step, number: int) -> str:
    path, _, last = step.reads[1].rpartition(".")
    if path and last in ("weight", "gamma", "kernel") and "::" not in path:
        return ".".join(part if part.isidentifier() or part.isdigit() else _key(part) for part in path.split("."))
    return f"{step.op.lower()}_{number}"


def _key(name: str) -> str:
    """A name that torch takes for a module or parameter."""
    return "".join(c if c.isalnum() else "_" for c in name)


def _put(root: nn.Module, name: str, module: nn.Module) -> None:
    *path, last = name.split(".")
    for part in path:
        if not hasattr(root, part):
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    if hasattr(root, last):  # a weight that two steps share would be trained twice
        raise NotConvertibleError(f"weights that two operators share ({name})")
    root.add_module(last, module)
