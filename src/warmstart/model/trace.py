"""Finds the cuts of a network by tracing its forward pass with torch.fx.

A cut is a node through which everything that depends on the input passes. What the tracer does not look into (its
leaves) is what cannot be traced or must not be: timm's own list, the layers of torch, modules without children, and
every module whose `forward` reads `self.training`, so that no decision between training and evaluation is frozen into
the graph.
"""

from __future__ import annotations

import dataclasses
import inspect
import logging
import sys
import warnings
from typing import Any

import torch
from torch import Tensor, fx, nn

from warmstart.model.blocks import blocks_of_children, blocks_of_cuts
from warmstart.model.chain import Chain, Cut
from warmstart.model.inputs import inputs_like
from warmstart.model.liveness import cut_names, cut_nodes, data_nodes, module_path, module_stack
from warmstart.model.modes import evaluating
from warmstart.model.segments import Segments, node_shapes

_log = logging.getLogger(__name__)
_MOST_LEAVES_ADDED = 8
_WHOLE = ("torch.nn", "transformers.")  # layers of transformers decide on their inputs, which a tracer cannot follow


class _NotCuttableError(Exception):
    """Why a network cannot be cut, in words."""


class _Tracer(fx.Tracer):
    def __init__(self, leaves: frozenset[str]) -> None:
        timm: Any = sys.modules.get(
            "timm.models"
        )  # no network has layers of what was never imported; it takes a second
        super().__init__(autowrap_functions=tuple(timm.get_notrace_functions()) if timm else ())
        self._leaves = leaves
        self._leaf_types = tuple(timm.get_notrace_modules()) if timm else ()

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether to keep the call of `m` as one node."""
        if module_qualified_name in self._leaves or isinstance(m, self._leaf_types):
            return True
        if type(m).__module__.startswith(_WHOLE) and not isinstance(m, nn.Sequential):
            return True
        return next(m.children(), None) is None or "training" in type(m).forward.__code__.co_names


def build_chain(module: nn.Module, example: Tensor) -> Chain:
    """Find the cuts and blocks of `module`.

    Args:
        module: one input (n, channels, height, width), or (n, channels, steps) of series, and one output (n, features);
            further inputs must have defaults.
        example: an input it accepts, of such a shape with n >= 2; its values do not matter.

    Returns:
        The chain. If the module cannot be traced, or the trace does not give what the module gives, the chain has two
        cuts and says why in `why_uncut`. The module's weights, buffers and train/eval flags are as they were.
    """
    try:
        with evaluating(module), torch.no_grad():
            graph = _graph(module)
            segments = _segments(module, graph, example)
    except _NotCuttableError as reason:
        _log.info("%s cannot be cut: %s", type(module).__name__, reason)
        ends = (Cut(0, "input"), Cut(1, "features"))
        return Chain(module, ends, blocks_of_children(module), None, str(reason), inputs_like(example))
    cuts = tuple(Cut(i, name) for i, name in enumerate(cut_names(segments.cuts)))
    return Chain(module, cuts, blocks_of_cuts(module, segments), segments, "", inputs_like(example))


def tapped_chain(module: fx.GraphModule, example: Tensor, whole: Chain, *, lowest: int, name: str) -> Chain:
    """The chain of what `whole.tapped` gave; the same cuts as in `whole` up to `lowest`, then the features, `name`d.

    Blocks keep their names and parameters; those that end above the lowest tap end at the features.
    """
    with evaluating(module), torch.no_grad():
        segments = _segments(module, module.graph, example)
    cuts = (*whole.cuts[: len(segments.cuts) - 1], Cut(len(segments.cuts) - 1, name))
    assert len(cuts) == lowest + 2, "something passes beside the lowest tap"
    blocks = tuple(dataclasses.replace(block, cut=min(block.cut, lowest + 1)) for block in whole.blocks)
    modules = tuple(whole.modules_of(block) for block in whole.blocks)
    return Chain(module, cuts, blocks, segments, "", inputs_like(example), modules)


def _graph(module: nn.Module) -> fx.Graph:
    """Trace in both modes; where the graphs differ, make the module responsible a leaf and trace again."""
    leaves: frozenset[str] = frozenset()
    for _ in range(_MOST_LEAVES_ADDED):
        graphs = []
        for training in (True, False):
            module.train(training)
            graphs.append(_trace(module, leaves))
        differing = _first_difference(*graphs)
        if differing is None:
            return graphs[1]
        if not differing:
            raise _NotCuttableError("its forward pass in training differs from that in evaluation at the top level")
        leaves |= {differing}
    raise _NotCuttableError("its forward pass in training differs from that in evaluation in too many places")


def _trace(module: nn.Module, leaves: frozenset[str]) -> fx.Graph:
    """The graph of one trace, reduced to what depends on the first input alone."""
    _, *others = inspect.signature(module.forward).parameters.values()
    fixed = {p.name: p.default for p in others if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    needed = [name for name, default in fixed.items() if default is inspect.Parameter.empty]
    if needed:
        raise _NotCuttableError(f"it needs more inputs than one: {', '.join(needed)}")
    before = set(vars(module))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _clean(_Tracer(leaves).trace(module, concrete_args=fixed))
    except Exception as error:
        # Tracing runs code of the network with stand-ins for tensors: it may fail in any way at all.
        raise _NotCuttableError(f"tracing failed: {type(error).__name__}: {error}") from error
    finally:
        if set(vars(module)) != before:  # the tracer stores tensors made in a forward pass on the module
            for name in set(vars(module)) - before:
                delattr(module, name)


def _clean(traced: fx.Graph) -> fx.Graph:
    """Without the inputs fixed to their defaults and the assertions about them."""
    graph, copies, dropped = fx.Graph(), dict[fx.Node, fx.Node](), set[fx.Node]()
    for node in traced.nodes:
        is_extra = node.op == "placeholder" and len(copies) > 0
        if is_extra or not dropped.isdisjoint(node.all_input_nodes):
            dropped.add(node)
        else:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    return graph


def _first_difference(one: fx.Graph, other: fx.Graph) -> str | None:
    """The innermost module in which two graphs begin to differ; "" for the root, `None` if they are equal."""
    for a, b in zip(one.nodes, other.nodes, strict=False):
        if a.format_node() != b.format_node():
            return max(module_path(a), module_path(b), key=len)
    return None if len(one.nodes) == len(other.nodes) else ""


def _segments(module: nn.Module, graph: fx.Graph, example: Tensor) -> Segments:
    """Choose the cuts; make sure that the graph gives what the module gives."""
    data, sizes = data_nodes(graph)
    try:
        shapes, output = node_shapes(module, graph, example.clone())  # it may write to its input
    except Exception as error:  # any code of the network may run here
        raise _NotCuttableError(f"its trace does not run: {type(error).__name__}: {error}") from error
    expected = module(example.clone())
    if not isinstance(output, Tensor) or not torch.allclose(output, expected, rtol=1e-4, atol=1e-5, equal_nan=True):
        raise _NotCuttableError("its trace does not give what the network gives")
    # An activation is stored per sample, so its first dimension has to be that of the batch.
    cuts = [node for node in cut_nodes(graph, data, sizes) if (shapes[node] or (0,))[0] == len(example)]
    if not cuts or cuts[-1] not in next(n for n in graph.nodes if n.op == "output").all_input_nodes:
        raise _NotCuttableError("its output is not one tensor with a row per sample")
    paths = {path for node in graph.nodes for path in module_stack(node)}
    called = {node.target for node in graph.nodes if node.op == "call_module"}
    opened = {path: type(module.get_submodule(path)) for path in paths - called if path}
    return Segments(graph, frozenset(data | sizes), tuple(cuts), opened)
