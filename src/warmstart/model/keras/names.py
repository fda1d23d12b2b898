"""Which Keras layer each module stands for, told from its path, and the order in which Keras lists the layers.

Underscores for dots make a path the Keras name: `conv2.block1.0_conv` is `conv2_block1_0_conv`. `stages.3` only groups
what Keras has in a row, and is left out. A module called as the class of its layer (`conv2d`) is one that Keras names
by a counter (`conv2d_94`), which depends on what else the process had built: only its place in the order tells it.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from torch import fx, nn

from warmstart.model.keras.efficientnet import Normalization
from warmstart.model.keras.layers import CentredNorm

Shape = tuple[int, ...]
_COUNTED = ("conv2d", "batch_normalization", "normalization")


@dataclasses.dataclass(frozen=True)
class Slot:
    """A layer that a network expects: `weights` are the shapes of its variables as Keras has them, in Keras' order."""

    path: str
    kind: str  # Keras' class in snake case
    weights: dict[str, Shape]

    @property
    def name(self) -> str:
        """What Keras calls it; empty where that is only a counter.

        >>> Slot("stages.3.block_7.expand", "conv2d", {}).name, Slot("mixed0.1.0.conv2d", "conv2d", {}).name
        ('block_7_expand', '')
        """
        if self.path.rpartition(".")[2] in _COUNTED:
            return ""
        return re.sub(r"^stages\.\d+\.", "", self.path).replace(".", "_")


def slots(network: nn.Module) -> list[Slot]:
    """All layers with weights, in the order of definition, which is that in which Keras creates them."""
    found = ((path, *_describe(module)) for path, module in network.named_modules())
    return [Slot(path, kind, weights) for path, kind, weights in found if weights]


def in_file_order(network: nn.Module, found: list[Slot]) -> list[Slot]:
    """The slots as Keras lists a network's layers: the farthest from the output first.

    The distance is the number of layers on the longest way. Layers at the same distance come as a depth-first search
    from the output meets them, which goes through the inputs of a layer in order.
    """
    graph = _Layers().trace(network)
    distance, met, stack = dict[fx.Node, int](), dict[fx.Node, int](), list[fx.Node]()
    for node in reversed(graph.nodes):
        distance[node] = 1 + max((distance[user] for user in node.users), default=-1)
        if node.op == "output":
            stack = [node]
    while stack:
        node = stack.pop()
        if node not in met:
            met[node] = len(met)
            stack += reversed(node.all_input_nodes)
    place = {str(node.target): (-distance[node], met[node]) for node in graph.nodes if node.op == "call_module"}
    return sorted(found, key=lambda slot: place[slot.path])


class _Layers(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """A node is a layer: also a convolution that pads by its input's size."""
        return next(m.children(), None) is None


def _describe(module: nn.Module) -> tuple[str, dict[str, Shape]]:
    """Kind and shapes of a module; no shapes if it is no layer with weights."""
    shapes: dict[str, Any] = {}
    if isinstance(module, nn.Conv2d):
        filters, inputs, height, width = module.weight.shape
        grouped = module.groups > 1
        shapes["kernel"] = (height, width, *((filters, inputs) if grouped else (inputs, filters)))
        if module.bias is not None:
            shapes["bias"] = (filters,)
        return "depthwise_conv2d" if grouped else "conv2d", shapes
    if isinstance(module, nn.BatchNorm2d):
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        wanted = names[isinstance(module, CentredNorm) :]
        return "batch_normalization", dict.fromkeys(wanted, (module.num_features,))
    if isinstance(module, Normalization):
        return "normalization", dict.fromkeys(("mean", "variance"), (module.mean.numel(),))
    return "", shapes
