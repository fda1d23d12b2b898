"""The parts of a network that gives maps of several strides: what a chain asks of `Segments`, over packed activations.

Between two blocks of a chain one activation passes. Above the lowest map there are more: the maps so far, which nothing
changes any more, and the activation that the next layer reads. They are packed in one row (n, K): the maps first, each
with its channels last, then the activation in the order in which it lies in memory, so that the next layer finds it as
it was, and computes the same to the last bit. At a map's own cut the activation is the map. The last cut has all maps.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, fx, nn

from warmstart.errors import BackboneError
from warmstart.model.inputs import Inputs
from warmstart.model.modes import evaluating
from warmstart.model.segments import Segment, Segments

Shape = tuple[int, ...]
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Level:
    """Where a map comes from.

    Args:
        cut: its activation is there.
        order: the activation's dimensions as they are packed: its channels last.
        grid: (tokens before those of places, pixels of the input for each place, stride of the map) of an activation
            that is resized to be the map (`resized`); `None` for one that is the map.
    """

    cut: int
    order: Shape
    grid: tuple[int, int, int] | None = None

    def width(self, shape: Shape) -> int:
        """Numbers in the map, of an activation of that shape."""
        *places, channels = (shape[axis] for axis in self.order[1:])
        return channels * self.side(tuple(places)) ** 2

    def side(self, places: Shape) -> int:
        """Places along an edge of the map, for an activation of so many places (or tokens)."""
        if len(places) == 2 and self.grid is None:
            return places[0]
        before, patch, stride = self.grid or (0, 1, 1)
        own = places[0] if len(places) == 2 else math.isqrt(places[0] - before)
        return math.ceil(own * patch / stride)


def resized(x: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """A map (n, side, side, channels) of another stride, of tokens (n, tokens, channels) or a map of one stride.

    By linear interpolation; where there are at most half as many places, each is a mean.

    >>> resized(torch.rand(2, 1 + 14**2, 8), (1, 16, 8)).shape, resized(torch.rand(2, 14, 14, 8), (0, 16, 32)).shape
    (torch.Size([2, 28, 28, 8]), torch.Size([2, 7, 7, 8]))
    """
    side = Level(0, (), grid).side(tuple(x.shape[1:-1]))
    if x.ndim == 3:
        own = math.isqrt(x.shape[1] - grid[0])
        x = x[:, grid[0] :].reshape(x.shape[0], own, own, -1)
    own = x.shape[1]
    if side == own:
        return x
    planes = x.permute(0, 3, 1, 2)
    if 2 * side <= own:
        planes = nn.functional.adaptive_avg_pool2d(planes, side)
    else:
        planes = nn.functional.interpolate(planes, size=(side, side), mode="bilinear", align_corners=False)
    return planes.permute(0, 2, 3, 1)


def row(parts: Sequence[Tensor]) -> Tensor:
    """Parts (n, ...) as one row for each sample."""
    return torch.cat([part.flatten(1) for part in parts], 1)


def laid(x: Tensor, order: Shape) -> Tensor:
    """The same tensor with its dimensions in that order in memory; copied only where it has them in another.

    >>> laid(torch.rand(2, 3, 4, 4), (0, 2, 3, 1)).is_contiguous(memory_format=torch.channels_last)
    True
    """
    return x.permute(order).contiguous().permute(_inverse(order))


def _inverse(order: Shape) -> Shape:
    return tuple(order.index(axis) for axis in range(len(order)))


class PackedSegments:
    """See the module docstring; what it does is described at `Segmented`. Copies of a network share it.

    Args:
        inside: the parts of the network up to the last map.
        levels: ascending in their cuts, which may repeat.
        orders: dimensions of the activation at each cut, in the order in which they lie in memory.
        inputs: what the network takes.
        size: of inputs that it takes for sure.
    """

    def __init__(
        self, inside: Segments, levels: tuple[Level, ...], orders: tuple[Shape, ...], inputs: Inputs, size: int
    ) -> None:
        self.inside = inside
        self.levels = levels
        self._last = len(inside.cuts) - 1
        self._orders = orders
        self._at = {level.cut: level for level in levels}
        self._inputs, self._size = inputs, size
        self._known: dict[tuple[int, int], tuple[Shape, ...]] = {}

    def __deepcopy__(self, memo: object) -> PackedSegments:
        return self

    @property
    def opened(self) -> Mapping[str, type[nn.Module]]:
        """As inside."""
        return self.inside.opened

    def compiled(self, module: nn.Module, start: int, stop: int) -> Segment:
        """The function from cut `start` to cut `stop`."""
        return functools.partial(self._run, start=start, stop=stop)

    def prefixes(self, module: nn.Module, stops: Sequence[int]) -> fx.GraphModule:
        """A module from the input to the activations at `stops` (ascending), as a tuple."""
        graph = fx.Graph()
        x = graph.call_function(laid, (graph.placeholder("x"), self._orders[0]))
        saved, found, at = dict[int, fx.Node](), dict[int, fx.Node](), 0
        for here in sorted({*stops, *(cut for cut in self._at if cut <= stops[-1])}):
            x, at = self.inside.copied(module, graph, x, at, here), here
            if here in self._at:
                saved[here] = graph.call_method("permute", (x, *self._at[here].order))
            if here in stops:
                found[here] = self._row_node(graph, saved, x, here) if self._packs(here) else x
        graph.output(tuple(found[stop] for stop in stops))
        return fx.GraphModule(module, graph)

    def _row_node(self, graph: fx.Graph, saved: Mapping[int, fx.Node], x: fx.Node, cut: int) -> fx.Node:
        if cut == self._last:
            parts = self._maps(saved, lambda part, grid: graph.call_function(resized, (part, grid)))
        elif cut in saved:
            parts = list(saved.values())
        else:
            parts = [*saved.values(), graph.call_method("permute", (x, *self._orders[cut]))]
        return graph.call_function(row, (parts,))

    def tapped(self, module: nn.Module, positions: Mapping[int, tuple[int, ...]]) -> fx.GraphModule:
        """Not here: lower blocks are read as they are, without pooling."""
        raise BackboneError("a network that gives maps has no pooled features to set taps beside", do="leave taps out")

    def used(self, start: int, stop: int) -> tuple[frozenset[str], frozenset[str]]:
        """Names of (modules called, attributes read) between two cuts."""
        return self.inside.used(start, stop)

    def shapes(self, module: nn.Module, x: Tensor) -> tuple[Shape, ...]:
        """Shape of the activation at every cut, from one forward pass."""
        raw = [tuple(found.shape) for found in self.walk(module, x)]
        shapes = []
        for cut, shape in enumerate(raw):
            if not self._packs(cut):
                shapes.append(shape)
                continue
            parts = tuple(raw[at][1:] for at in self._parts(cut))
            width = sum(map(math.prod, parts))
            self._known[cut, width] = parts
            shapes.append((len(x), width))
        return (*shapes[:-1], (len(x), sum(level.width(raw[level.cut]) for level in self.levels)))

    def check(self, module: nn.Module) -> None:
        """As inside."""
        self.inside.check(module)

    def walk(self, module: nn.Module, x: Tensor) -> Iterator[Tensor]:
        """The activation at each cut, not packed."""
        return walk(self.inside, module, laid(x, self._orders[0]))

    def _packs(self, cut: int) -> bool:
        return cut > self.levels[0].cut or cut == self._last

    def _parts(self, cut: int) -> list[int]:
        """The cuts whose activations make up the row at `cut`."""
        return [*(at for at in self._at if at < cut), cut]

    def _order(self, cut: int) -> Shape:
        return self._at[cut].order if cut in self._at else self._orders[cut]

    def _run(self, module: nn.Module, x: Tensor, *, start: int, stop: int) -> Tensor:
        if start == stop:
            return x.clone()
        parts = self._unpacked(module, x, start)
        present = laid(parts[-1].permute(_inverse(self._order(start))), self._orders[start])
        saved = dict(zip(self._parts(start), parts, strict=True))
        if start not in self._at:
            del saved[start]
        for here, there in itertools.pairwise([start, *(cut for cut in self._at if start < cut < stop), stop]):
            present = self.inside.compiled(module, here, there)(module, present)
            if there in self._at:
                saved[there] = present.permute(self._at[there].order)
        if not self._packs(stop):
            return present
        if stop == self._last:
            return row(self._maps(saved, resized))
        saved.setdefault(stop, present.permute(self._orders[stop]))
        return row(list(saved.values()))

    def _maps(self, saved: Mapping[int, T], resize: Callable[[T, tuple[int, int, int]], T]) -> list[T]:
        """Of each level, of what is saved at its cut."""
        of = [(saved[level.cut], level.grid) for level in self.levels]
        return [x if grid is None else resize(x, grid) for x, grid in of]

    def _unpacked(self, module: nn.Module, x: Tensor, cut: int) -> list[Tensor]:
        """What the activation at `cut` holds, each with its dimensions in the order in which they are packed."""
        if not self._packs(cut):
            return [x.permute(self._order(cut))]
        shapes = self._shapes(module, cut, x.shape[1])
        ordered = [
            [shape[axis - 1] for axis in self._order(at)[1:]]
            for at, shape in zip(self._parts(cut), shapes, strict=True)
        ]
        parts = torch.split(x, [math.prod(shape) for shape in ordered], 1)
        return [part.reshape(len(x), *shape) for part, shape in zip(parts, ordered, strict=True)]

    def _shapes(self, module: nn.Module, cut: int, width: int) -> tuple[Shape, ...]:
        """Shapes per sample of the parts of a row of `width` at `cut`; measured where no one did yet.

        A row grows with the size of the inputs, so the size is found by halving; two sizes of one width have the same
        shapes.
        """
        if (cut, width) in self._known:
            return self._known[cut, width]
        own = self._measured(module, cut, self._size)
        if own != width:
            guess = round(self._size * math.sqrt(width / own))
            tried = sorted({size for step in (32, 1) for k in (-1, 0, 1) if (size := step * (guess // step + k)) > 0})
            if not any(self._measured(module, cut, size) == width for size in tried):
                self._halved(module, cut, width, guess)
        if (cut, width) not in self._known:
            raise BackboneError(
                f"an activation of {width} numbers at cut {self.inside.cuts[cut].name}",
                expected=f"{own}, that of inputs of {self._size} pixels, or as many as another size gives",
            )
        return self._known[cut, width]

    def _halved(self, module: nn.Module, cut: int, width: int, guess: int) -> None:
        low, high = guess // 2, 2 * guess
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._measured(module, cut, middle) < width else (low, middle)
        self._measured(module, cut, low)

    def _measured(self, module: nn.Module, cut: int, size: int) -> int:
        """The width of a row at `cut` for inputs of `size`; 0 where the network does not take it."""
        try:
            with evaluating(module), torch.no_grad():
                shapes = self.shapes(module, self._inputs.example(1, size, module))
        except (RuntimeError, AssertionError, ValueError):  # too small, or not the one size
            return 0
        return shapes[cut][1]


def walk(segments: Segments, module: nn.Module, x: Tensor) -> Iterator[Tensor]:
    """The activation at each cut; `x` is that at the first."""
    yield x
    for cut in range(len(segments.cuts) - 1):
        x = segments.compiled(module, cut, cut + 1)(module, x)
        yield x
