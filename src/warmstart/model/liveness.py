"""Which nodes of a graph carry the input's data, and at which of them nothing else does: the cuts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from torch import fx

_SIZE_METHODS = frozenset({"size", "dim", "numel", "ndimension"})
_SIZE_ATTRIBUTES = frozenset({"shape", "ndim", "dtype", "device"})


def module_path(node: fx.Node) -> str:
    """Name of the innermost module in whose forward the node was made; "" for the root."""
    return next(reversed(module_stack(node)), "")


def module_stack(node: fx.Node) -> list[str]:
    """Names of the modules in whose forward the node was made, outermost first."""
    # The second call of a module is marked "name@1" by torch.fx.
    return [str(name).partition("@")[0] for name in node.meta.get("nn_module_stack", ())]


def data_nodes(graph: fx.Graph) -> tuple[set[fx.Node], set[fx.Node]]:
    """Nodes that depend on the values of the input, and nodes that depend on nothing of it but its size or type."""
    data: set[fx.Node] = set()
    sizes: set[fx.Node] = set()
    for node in graph.nodes:
        if node.op == "placeholder":
            data.add(node)
        elif node.op != "output" and not data.isdisjoint(node.all_input_nodes):
            (sizes if _reads_size(node) else data).add(node)
        elif node.op != "output" and not sizes.isdisjoint(node.all_input_nodes):
            sizes.add(node)
    return data, sizes


def _reads_size(node: fx.Node) -> bool:
    if node.op == "call_method":
        return node.target in _SIZE_METHODS
    return node.target is getattr and node.args[1] in _SIZE_ATTRIBUTES


def cut_nodes(graph: fx.Graph, data: set[fx.Node], sizes: set[fx.Node]) -> list[fx.Node]:
    """Nodes after which no other value that depends on the input, sizes included, is still to be read, in order."""
    nodes = list(graph.nodes)
    at = {node: i for i, node in enumerate(nodes)}
    last_read = {node: max((at[user] for user in node.users), default=-1) for node in nodes}
    found = []
    latest = -1  # when the last of the values made before this node is read
    for i, node in enumerate(nodes):
        if node in data and node.users and latest <= i:
            found.append(node)
        if node in data or node in sizes:
            latest = max(latest, last_read[node])
    return found


def cut_names(cuts: Sequence[fx.Node]) -> list[str]:
    """A unique name for every cut: the module that ends there, with the operation added inside a module.

    Of several cuts inside one module, the last has its name alone.
    """
    names = [_name(node, following) for node, following in zip(cuts, [*cuts[1:], None], strict=True)]
    return ["input", *_unique(names[1:-1]), "features"] if len(cuts) > 1 else ["input"]


def _name(node: fx.Node, following: fx.Node | None) -> str:
    if node.op == "call_module":
        return str(node.target)
    path = module_path(node)
    ends = following is None or not f"{module_path(following)}.".startswith(f"{path}.")
    if path and ends:
        return path
    operation = str(getattr(node.target, "__name__", node.target))
    return f"{path}.{operation}" if path else operation


def _unique(names: Iterable[str]) -> list[str]:
    """Append ".2", ".3", ... to names that were there before."""
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return out
