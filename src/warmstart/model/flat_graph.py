"""The nodes of a graph as a table, to be sent to another process.

As they are, each holds its neighbours: a deep network would be sent as a nest of a thousand objects.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from torch import fx
from torch.fx.node import map_aggregate, map_arg


@dataclasses.dataclass(frozen=True)
class _Node:
    """Stands for the node of this number."""

    number: int


@dataclasses.dataclass(frozen=True)
class Row:
    """A node; in its arguments stand numbers of others."""

    op: str
    target: Any
    args: Any
    kwargs: Any
    name: str
    path: Any
    """The modules that it was traced in, where that is known."""


def flat(nodes: Sequence[fx.Node]) -> list[Row]:
    """The table of nodes in execution order."""
    numbers: dict[fx.Node, Any] = {node: _Node(number) for number, node in enumerate(nodes)}

    def told(given: Any) -> Any:
        return map_arg(given, numbers.__getitem__)

    return [
        Row(node.op, node.target, told(node.args), told(node.kwargs), node.name, node.meta.get("nn_module_stack"))
        for node in nodes
    ]


def restored(rows: Sequence[Row]) -> fx.Graph:
    """The graph of a table.

    >>> graph = fx.Graph()
    >>> _ = graph.output(graph.call_method("relu", (graph.placeholder("x"),)))
    >>> [node.op for node in restored(flat(tuple(graph.nodes))).nodes]
    ['placeholder', 'call_method', 'output']
    """
    graph, nodes = fx.Graph(), list[fx.Node]()

    def meant(given: Any) -> Any:
        return map_aggregate(given, lambda one: nodes[one.number] if isinstance(one, _Node) else one)

    for row in rows:
        node = graph.create_node(row.op, row.target, meant(row.args), meant(row.kwargs), row.name)
        if row.path is not None:
            node.meta["nn_module_stack"] = row.path
        nodes.append(node)
    return graph
