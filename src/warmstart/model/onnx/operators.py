"""ONNX operators as torch layers and functions (https://onnx.ai/onnx/operators/).

A layer holds parameters; a function is called with the values that its step reads. What is not in these tables cannot
be trained here, and its network is computed by ONNX Runtime.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn
from torch.nn import functional

from warmstart.model.onnx.graph import Graph, Step


class NotConvertibleError(Exception):
    """An operator, or a way to use it, that is not known here."""


Function = Callable[..., Any]


def layer(step: Step, graph: Graph) -> nn.Module | None:
    """The layer with default weights; `None` where the operator has no weights, or computes them."""
    shapes = [graph.weights.get(name) for name in step.reads[1:]]
    if step.op not in _LAYERS or not shapes or shapes[0] is None:
        return None
    return _LAYERS[step.op](step.attributes, shapes)


def layer_state(step: Step, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of that layer, by torch's names."""
    values = [tensors[name] for name in step.reads[1:] if name]
    if step.op == "BatchNormalization":
        return dict(zip(("weight", "bias", "running_mean", "running_var"), values, strict=True))
    if step.op == "MatMul" or (step.op == "Gemm" and not step.attributes.get("transB")):
        values[0] = values[0].T
    return dict(zip(("weight", "bias"), values, strict=False))


def function(step: Step, graph: Graph) -> Function:
    """What computes the step from the values that it reads, constants of the graph left out.

    Raises:
        NotConvertibleError: the operator is not known, or not in this use.
    """
    if step.op in _SIMPLE:
        return _SIMPLE[step.op]
    if step.op not in _WITH_ATTRIBUTES:
        raise NotConvertibleError(f"the operator {step.op}")
    constants = [graph.constants.get(name) for name in step.reads[1:]]
    return _WITH_ATTRIBUTES[step.op](step.attributes, constants, graph)


def _convolution(a: dict[str, Any], shapes: list[tuple[int, ...] | None]) -> nn.Module:
    shape = shapes[0] or ()
    if len(shape) != 4:
        raise NotConvertibleError(f"a convolution over {len(shape) - 2} dimensions")
    group, bias = a.get("group", 1), len(shapes) > 1
    same = a.get("auto_pad", "NOTSET")
    options = {
        "stride": tuple(a.get("strides", (1, 1))),
        "dilation": tuple(a.get("dilations", (1, 1))),
        "groups": group,
        "bias": bias,
    }
    if same == "SAME_UPPER":
        if len(set(shape[2:])) != 1 or len(set(options["stride"])) != 1 or len(set(options["dilation"])) != 1:
            raise NotConvertibleError("a convolution with SAME_UPPER padding that is not square")
        options |= {"stride": options["stride"][0], "dilation": options["dilation"][0]}
        return Conv2dSame(shape[1] * group, shape[0], shape[2], **options)
    top, left, bottom, right = _pads(a)
    if (top, left) == (bottom, right):
        return nn.Conv2d(shape[1] * group, shape[0], shape[2:], padding=(top, left), **options)
    return _Padded((left, right, top, bottom), nn.Conv2d(shape[1] * group, shape[0], shape[2:], **options))


class _Padded(nn.Conv2d):
    """A convolution with other padding on one side than on the other."""

    def __init__(self, pads: tuple[int, int, int, int], conv: nn.Conv2d) -> None:
        super().__init__(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size,  # type: ignore[arg-type]
            conv.stride,  # type: ignore[arg-type]
            0,
            conv.dilation,  # type: ignore[arg-type]
            conv.groups,
            conv.bias is not None,
        )
        self.pads = pads

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(functional.pad(x, self.pads))


def _batch_norm(a: dict[str, Any], shapes: list[tuple[int, ...] | None]) -> nn.Module:
    (width,) = shapes[0] or (0,)
    return nn.BatchNorm2d(width, eps=a.get("epsilon", 1e-5), momentum=1 - a.get("momentum", 0.9))


def _gemm(a: dict[str, Any], shapes: list[tuple[int, ...] | None]) -> nn.Module:
    if a.get("transA") or a.get("alpha", 1.0) != 1.0 or a.get("beta", 1.0) != 1.0:
        raise NotConvertibleError("a Gemm that transposes or scales")
    outputs, inputs = shapes[0] if a.get("transB") else reversed(shapes[0] or ())  # type: ignore[misc]
    return nn.Linear(inputs, outputs, bias=len(shapes) > 1)


def _matmul(a: dict[str, Any], shapes: list[tuple[int, ...] | None]) -> nn.Module:  # noqa: ARG001 (as its siblings)
    if len(shapes[0] or ()) != 2:
        raise NotConvertibleError("a product with a stack of matrices")
    inputs, outputs = shapes[0] or (0, 0)
    return nn.Linear(inputs, outputs, bias=False)


def _layer_norm(a: dict[str, Any], shapes: list[tuple[int, ...] | None]) -> nn.Module:
    if a.get("axis", -1) != -1:
        raise NotConvertibleError("a LayerNormalization over more than the last dimension")
    return nn.LayerNorm(shapes[0] or (0,), eps=a.get("epsilon", 1e-5), bias=len(shapes) > 1)


_LAYERS: dict[str, Callable[[dict[str, Any], list[tuple[int, ...] | None]], nn.Module]] = {
    "Conv": _convolution,
    "BatchNormalization": _batch_norm,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "LayerNormalization": _layer_norm,
}


def _pads(a: dict[str, Any]) -> tuple[int, int, int, int]:
    if a.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise NotConvertibleError(f"padding {a['auto_pad']}")
    top, left, bottom, right = a.get("pads", (0, 0, 0, 0))
    return top, left, bottom, right


def _pool(a: dict[str, Any], _: list[Any], __: Graph, *, largest: bool) -> Function:
    top, left, bottom, right = _pads(a)
    stride, ceil = tuple(a.get("strides", (1, 1))), bool(a.get("ceil_mode", 0))
    kernel, even = tuple(a["kernel_shape"]), (top, left) == (bottom, right)
    if largest:
        if even:
            return functools.partial(
                functional.max_pool2d, kernel_size=kernel, stride=stride, padding=(top, left), ceil_mode=ceil
            )
        edge = (left, right, top, bottom)
        return lambda x: functional.max_pool2d(
            functional.pad(x, edge, value=float("-inf")), kernel, stride, ceil_mode=ceil
        )
    if not even:
        raise NotConvertibleError("an AveragePool with uneven padding")
    counted = bool(a.get("count_include_pad", 0))
    return functools.partial(
        functional.avg_pool2d,
        kernel_size=kernel,
        stride=stride,
        padding=(top, left),
        ceil_mode=ceil,
        count_include_pad=counted,
    )


def _axes(a: dict[str, Any], constants: list[Any]) -> tuple[int, ...]:
    found = a.get("axes", constants[0] if constants else None)
    if found is None:
        raise NotConvertibleError("axes that are computed")
    return tuple(found)


def _reduce_mean(a: dict[str, Any], constants: list[Any], _: Graph) -> Function:
    axes, keep = _axes(a, constants), bool(a.get("keepdims", 1))
    return lambda x: x.mean(axes, keepdim=keep)


def _reshape(a: dict[str, Any], constants: list[Any], graph: Graph) -> Function:  # noqa: ARG001 (as its siblings)
    shape = constants[0] if constants else None
    if shape is None:
        raise NotConvertibleError("a shape that is computed")
    if shape[0] == graph.batch or shape[0] == 0 or (shape[0] == -1 and len(shape) > 1):
        rest = tuple(shape[1:])
        return lambda x: x.reshape(x.shape[0], *rest)
    raise NotConvertibleError(f"a shape {shape} whose first dimension is not that of the batch")


def _clip(a: dict[str, Any], constants: list[Any], graph: Graph) -> Function:  # noqa: ARG001 (as its siblings)
    if "min" in a or "max" in a:
        return lambda x: x.clamp(a.get("min"), a.get("max"))
    return lambda x, low=None, high=None: torch.clamp(x, low, high)


def _squeeze(a: dict[str, Any], constants: list[Any], _: Graph) -> Function:
    axes = _axes(a, constants)
    return lambda x: x.squeeze(axes)


def _unsqueeze(a: dict[str, Any], constants: list[Any], _: Graph) -> Function:
    axes = sorted(_axes(a, constants))
    return lambda x: functools.reduce(lambda y, axis: y.unsqueeze(axis), axes, x)


def _pad(a: dict[str, Any], constants: list[Any], _: Graph) -> Function:
    pads = a.get("pads", constants[0] if constants else None)
    if a.get("mode", "constant") != "constant" or pads is None or len(pads) != 8 or any((*pads[:2], *pads[4:6])):
        raise NotConvertibleError("padding other than with zeros of the two sides")
    top, left, bottom, right = pads[2], pads[3], pads[6], pads[7]
    return lambda x, *_: functional.pad(x, (left, right, top, bottom))


def _flatten(a: dict[str, Any], _: list[Any], __: Graph) -> Function:
    if a.get("axis", 1) != 1:
        raise NotConvertibleError("a Flatten that keeps more than the first dimension")
    return lambda x: x.flatten(1)


def _concat(*values: Tensor, axis: int) -> Tensor:
    return torch.cat(values, axis)


_SIMPLE: dict[str, Function] = {
    "Relu": functional.relu,
    "Sigmoid": torch.sigmoid,
    "Tanh": torch.tanh,
    "Erf": torch.erf,
    "Sqrt": torch.sqrt,
    "Exp": torch.exp,
    "HardSwish": functional.hardswish,
    "Softplus": functional.softplus,
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": operator.truediv,
    "Pow": operator.pow,
    "MatMul": torch.matmul,
    "Identity": lambda x: x,
    "Dropout": lambda x, *_: x,
    "GlobalAveragePool": lambda x: x.mean((2, 3), keepdim=True),
    "GlobalMaxPool": lambda x: x.amax((2, 3), keepdim=True),
}
_WITH_ATTRIBUTES: dict[str, Callable[[dict[str, Any], list[Any], Graph], Function]] = {
    "LeakyRelu": lambda a, _, __: functools.partial(functional.leaky_relu, negative_slope=a.get("alpha", 0.01)),
    "Elu": lambda a, _, __: functools.partial(functional.elu, alpha=a.get("alpha", 1.0)),
    "HardSigmoid": lambda a, _, __: lambda x: (a.get("alpha", 0.2) * x + a.get("beta", 0.5)).clamp(0, 1),
    "Gelu": lambda a, _, __: functools.partial(functional.gelu, approximate=a.get("approximate", "none")),
    "Softmax": lambda a, _, __: functools.partial(torch.softmax, dim=a.get("axis", -1)),
    "MaxPool": functools.partial(_pool, largest=True),
    "AveragePool": functools.partial(_pool, largest=False),
    "ReduceMean": _reduce_mean,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": lambda a, _, __: lambda x: x.permute(*a["perm"]),
    "Concat": lambda a, _, __: functools.partial(_concat, axis=a["axis"]),
    "Clip": _clip,
    "Pad": _pad,
}
