"""Sub-graphs between cuts, compiled to plain functions `(module, x) -> y`.

A compiled function looks every submodule and parameter up by name on the module it is called with. So it holds no
state, serves every clone of a chain, and sees a submodule that was replaced after the trace. Two more invariants:

* a segment never writes to its argument, although the network may hold in-place operations, because the argument can be
  an activation that others will read;
* what a segment returns never shares storage with its argument.

Both are kept by one copy of the argument where the graph cannot rule sharing out.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor, fx, nn

from warmstart.errors import BackboneError
from warmstart.model.flat_graph import Row, flat, restored
from warmstart.model.liveness import module_path
from warmstart.model.norms import NORMS

Segment = Callable[[nn.Module, Tensor], Tensor]


class Segmented(Protocol):
    """A network in parts: what a chain asks of `Segments`, and of others that know their parts in another way."""

    @property
    def opened(self) -> Mapping[str, type[nn.Module]]:
        """Modules whose insides are known, which must stay of their types."""
        ...

    def compiled(self, module: nn.Module, start: int, stop: int) -> Segment:
        """The function `(module, x) -> y` between two cuts."""
        ...

    def prefixes(self, module: nn.Module, stops: Sequence[int]) -> nn.Module:
        """A module that gives the activations at several cuts."""
        ...

    def tapped(self, module: nn.Module, positions: Mapping[int, tuple[int, ...]]) -> fx.GraphModule:
        """See `Chain.tapped`."""
        ...

    def used(self, start: int, stop: int) -> tuple[frozenset[str], frozenset[str]]:
        """Names of (modules called, attributes read) between two cuts."""
        ...

    def shapes(self, module: nn.Module, x: Tensor) -> tuple[tuple[int, ...], ...]:
        """Shape of the activation at every cut."""
        ...

    def check(self, module: nn.Module) -> None:
        """Raise a `BackboneError` if the module is not what the parts were found in."""
        ...


_FRESH_MODULES = (
    nn.modules.conv._ConvNd,
    nn.Linear,
    nn.modules.pooling._MaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
    *NORMS,
)
_FRESH_FUNCTIONS = frozenset({operator.add, operator.sub, operator.mul, operator.truediv, operator.matmul, torch.cat})


class Segments:
    """The clean graph of a network (one placeholder) with its cut nodes; compiles the part between any two cuts.

    Args:
        graph: nodes in execution order; no node depends on an input other than the first.
        tainted: nodes whose value depends on the input, or on its size.
        cuts: the node that carries the activation of each cut; the first is the placeholder, the last the output value.
        opened: the modules that the trace looked into, by name, with their types.
    """

    def __init__(
        self,
        graph: fx.Graph,
        tainted: frozenset[fx.Node],
        cuts: tuple[fx.Node, ...],
        opened: Mapping[str, type[nn.Module]],
    ) -> None:
        self.nodes = tuple(graph.nodes)
        self.cuts = cuts
        self._graph = graph  # nodes hold no strong reference to it
        self._tainted = tainted
        self.opened: Mapping[str, type[nn.Module]] = dict(opened)
        self._at = {node: i for i, node in enumerate(self.nodes)}
        self._compiled: dict[tuple[int, int], Segment] = {}
        self._used: dict[tuple[int, int], tuple[frozenset[str], frozenset[str]]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Segments:
        """Itself: it holds nothing of a module, so copies of a network share it."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process, which compiles what it needs."""
        at = self._at
        return _restored, (flat(self.nodes), [at[n] for n in self._tainted], [at[n] for n in self.cuts], self.opened)

    def compiled(self, module: nn.Module, start: int, stop: int) -> Segment:
        """The function from cut `start` to cut `stop`; `module` only tells which of its parts work in place."""
        if (start, stop) not in self._compiled:
            self._compiled[start, stop] = self._compile(module, start, stop)
        return self._compiled[start, stop]

    def prefixes(self, module: nn.Module, stops: Sequence[int]) -> fx.GraphModule:
        """A module from the input to the activations at `stops` (ascending), as a tuple; it shares the parts of
        `module`.
        """
        graph = fx.Graph()
        found, at = [graph.placeholder("x")], 0
        for stop in stops:
            found.append(self.copied(module, graph, found[-1], at, stop))
            at = stop
        graph.output(tuple(found[1:]))
        return fx.GraphModule(module, graph)

    def copied(self, module: nn.Module, graph: fx.Graph, x: fx.Node, start: int, stop: int) -> fx.Node:
        """Add the part from cut `start` to cut `stop` to another graph, where `x` is the activation at `start`; the
        node of the activation at `stop`. It keeps to what the module docstring says of segments.
        """
        nodes = self._select(start, stop)
        if _must_copy(module, nodes, self.cuts[start], self.cuts[stop]):
            x = graph.call_method("clone", (x,))
        copies = {self.cuts[start]: x}
        for node in nodes:
            copies[node] = graph.node_copy(node, copies.__getitem__)
        return copies[self.cuts[stop]]

    def until(self, cut: int, module: nn.Module) -> Segments:
        """The parts up to `cut` alone, for a `module` that holds no others."""
        there = {name for name, _ in module.named_modules()}
        opened = {name: kind for name, kind in self.opened.items() if name in there}
        return Segments(self._graph, self._tainted, self.cuts[: cut + 1], opened)

    def beside_input(self, module: nn.Module) -> fx.GraphModule:
        """See `Chain.beside_input`."""
        graph = fx.Graph()
        copies = {self.cuts[0]: graph.placeholder("x")}
        flat = graph.call_function(torch.flatten, (copies[self.cuts[0]], 1))
        for node in self._select(0, len(self.cuts) - 1):
            copies[node] = graph.node_copy(node, copies.__getitem__)
        graph.output(graph.call_function(torch.cat, ([flat, copies[self.cuts[-1]]], 1)))
        return fx.GraphModule(module, graph, type(module).__name__)

    def tapped(self, module: nn.Module, positions: Mapping[int, tuple[int, ...]]) -> fx.GraphModule:
        """See `Chain.tapped`. A tap is read where it is made: what comes later may write to it."""
        graph = fx.Graph()
        taps = {self.cuts[cut]: axes for cut, axes in positions.items()}
        copies = {self.cuts[0]: graph.placeholder("x")}
        pooled: list[fx.Node] = []
        for node in self._select(0, len(self.cuts) - 1):
            copies[node] = graph.node_copy(node, copies.__getitem__)
            if node in taps:
                pooled += [graph.call_function(f, (copies[node], taps[node])) for f in (torch.mean, torch.amax)]
        graph.output(graph.call_function(torch.cat, ([*pooled, copies[self.cuts[-1]]], 1)))
        return fx.GraphModule(module, graph, type(module).__name__)

    def used(self, start: int, stop: int) -> tuple[frozenset[str], frozenset[str]]:
        """Names of (modules called, attributes read) between two cuts."""
        if (start, stop) not in self._used:
            nodes = self._select(start, stop)
            modules = frozenset(str(node.target) for node in nodes if node.op == "call_module")
            attributes = frozenset(str(node.target) for node in nodes if node.op == "get_attr")
            self._used[start, stop] = modules, attributes
        return self._used[start, stop]

    def shapes(self, module: nn.Module, x: Tensor) -> tuple[tuple[int, ...], ...]:
        """Shape of the activation at every cut, from one forward pass."""
        shapes, _ = node_shapes(module, self._graph, x)
        return tuple(shapes[node] or () for node in self.cuts)

    def check(self, module: nn.Module) -> None:
        """Raise a `BackboneError` if a module that the trace looked into is not there any more, or of another type."""
        there = dict(module.named_modules())
        for name, kind in self.opened.items():
            if type(found := there.get(name)) is not kind:
                raise BackboneError(
                    f"module {name!r} was replaced: traced as a {kind.__name__}, it is a {type(found).__name__}",
                    expected="replaced modules that the trace did not look into (Linear, Conv2d, Attention, ...)",
                    do="replace what lies inside it, or build the chain anew with build_chain",
                )

    def position(self, cut: int) -> int:
        """Where in the order of execution the activation at `cut` is made."""
        return self._at[self.cuts[cut]]

    def reads(self, module: nn.Module) -> list[tuple[int, str]]:
        """Every parameter and buffer that is read, with the position of the first node on the data's way that needs it.

        In order of position; a name that is read several times comes several times.
        """
        needed_at: dict[fx.Node, int] = {}
        found: list[tuple[int, str]] = []
        for node in reversed(self.nodes):
            users = [needed_at[user] for user in node.users if user in needed_at]
            if node in self._tainted or node.op == "output":
                needed_at[node] = self._at[node]
            elif users:
                needed_at[node] = min(users)
            if node in needed_at and node.op == "get_attr":
                found.append((needed_at[node], str(node.target)))
            if node in needed_at and node.op == "call_module":
                state = _state_names(module.get_submodule(str(node.target)), str(node.target))
                found += [(needed_at[node], name) for name in state]
        return sorted(found)

    def first_inside(self, name: str, after: int) -> int:
        """Position of the first node inside module `name` that comes later than `after`; the last position if none."""
        for position, node in enumerate(self.nodes):
            inside = f"{module_path(node)}.".startswith(f"{name}.")
            if position > after and node in self._tainted and inside:
                return position
        return len(self.nodes) - 1

    def _select(self, start: int, stop: int) -> list[fx.Node]:
        """Nodes to execute between two cuts, in order: what depends on the input there, and the constants it reads.

        Nodes whose value nobody reads are kept: they may be in-place operations or assertions on sizes.
        """
        first, last = self._at[self.cuts[start]] + 1, self._at[self.cuts[stop]]
        wanted = {node for node in self.nodes[first : last + 1] if node in self._tainted}
        stack = list(wanted)
        while stack:
            for node in stack.pop().all_input_nodes:
                if node not in wanted and node not in self._tainted:
                    wanted.add(node)
                    stack.append(node)
        return sorted(wanted, key=self._at.__getitem__)

    def _compile(self, module: nn.Module, start: int, stop: int) -> Segment:
        graph = fx.Graph()
        graph.output(self.copied(module, graph, graph.placeholder("x"), start, stop))
        code = graph.python_code("self")
        namespace = dict(code.globals)
        exec(compile(code.src, f"<segment {start}:{stop}>", "exec", dont_inherit=True), namespace)
        return cast(Segment, namespace["forward"])


def _restored(rows: list[Row], tainted: list[int], cuts: list[int], opened: Mapping[str, type[nn.Module]]) -> Segments:
    nodes = tuple((graph := restored(rows)).nodes)
    return Segments(graph, frozenset(nodes[i] for i in tainted), tuple(nodes[i] for i in cuts), opened)


def _state_names(module: nn.Module, prefix: str) -> list[str]:
    names = [name for name, _ in module.named_parameters(prefix, remove_duplicate=False)]
    return names + [name for name, _ in module.named_buffers(prefix, remove_duplicate=False)]


def node_shapes(module: nn.Module, graph: fx.Graph, x: Tensor) -> tuple[dict[fx.Node, tuple[int, ...] | None], Any]:
    """The shape of every node's value (`None` if it is no tensor) and the output of `graph`, from one pass."""
    shapes: dict[fx.Node, tuple[int, ...] | None] = {}

    class Recorder(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            value = super().run_node(n)
            shapes[n] = tuple(value.shape) if isinstance(value, Tensor) else None
            return value

    return shapes, Recorder(module, graph=graph).run(x)


def _must_copy(module: nn.Module, nodes: Iterable[fx.Node], source: fx.Node, goal: fx.Node) -> bool:
    """Whether something between the two may write to `source`, or `goal` may share its storage. Errs towards True."""
    shared = {source}
    for node in nodes:
        if shared.isdisjoint(node.all_input_nodes):
            continue
        if _writes(module, node):
            return True
        if not _is_fresh(module, node):
            shared.add(node)
    return goal in shared


def _writes(module: nn.Module, node: fx.Node) -> bool:
    """Whether a node may write to one of its inputs."""
    if node.op == "call_module":
        part = module.get_submodule(str(node.target))
        # A norm with a fused in-place activation (timm's BatchNormAct2d) writes only to what the norm has just made.
        return not isinstance(part, NORMS) and any(getattr(child, "inplace", False) for child in part.modules())
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    if name.endswith("_") and not name.endswith("__"):
        return True
    return "inplace" in node.kwargs or any(arg is True for arg in node.args)


def _is_fresh(module: nn.Module, node: fx.Node) -> bool:
    """Whether a node's value is sure to have storage of its own."""
    if node.op == "call_module":
        return isinstance(module.get_submodule(str(node.target)), _FRESH_MODULES)
    return node.op == "call_function" and node.target in _FRESH_FUNCTIONS
