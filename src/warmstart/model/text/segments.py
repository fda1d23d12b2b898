"""What `warmstart.model.segments.Segments` is to a traced network, for one that is cut at its layer list."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence

from torch import Tensor, fx, nn

from warmstart.errors import BackboneError
from warmstart.model.chain import Block, Chain, Cut
from warmstart.model.inputs import Tokens
from warmstart.model.names import grouped
from warmstart.model.segments import Segment
from warmstart.model.text.encoder import TextEncoder


@dataclasses.dataclass(frozen=True)
class LayerSegments:
    """Parts of a `TextEncoder` between any two of its cuts. It holds nothing of a module, so copies share it.

    Args:
        layers: names of the layers, in order.
        before: names of what is called before them.
        behind: names of what is called behind them.
    """

    layers: tuple[str, ...]
    before: frozenset[str]
    behind: frozenset[str]
    opened: Mapping[str, type[nn.Module]] = dataclasses.field(default_factory=dict)

    def __deepcopy__(self, memo: object) -> LayerSegments:
        return self

    def compiled(self, module: nn.Module, start: int, stop: int) -> Segment:
        """The function from cut `start` to cut `stop`."""
        return functools.partial(_run, start=start, stop=stop)

    def prefixes(self, module: nn.Module, stops: Sequence[int]) -> nn.Module:
        """A module from the tokens to the activations at `stops` (ascending), as a tuple."""
        return _Several(_encoder(module), tuple(stops))

    def tapped(self, module: nn.Module, positions: Mapping[int, tuple[int, ...]]) -> fx.GraphModule:
        """Not here: the features of lower layers are not read beside the last."""
        raise BackboneError("the layers of a text model are not tapped", do="leave ?taps out")

    def used(self, start: int, stop: int) -> tuple[frozenset[str], frozenset[str]]:
        """Names of (modules called, attributes read) between two cuts; what layers are given again and again, such as
        masks and tables of positions, belongs to what is before them.
        """
        found = set(self.layers[max(start - 1, 0) : max(stop - 1, 0)])
        if start == 0 < stop:
            found |= self.before
        if stop == len(self.layers) + 2 > start:
            found |= self.behind
        return frozenset(found), frozenset()

    def shapes(self, module: nn.Module, x: Tensor) -> tuple[tuple[int, ...], ...]:
        """Shape of the activation at every cut."""
        found = [x]
        for cut in range(_encoder(module).last):
            found.append(_run(module, found[-1], start=cut, stop=cut + 1))
        return tuple(tuple(one.shape) for one in found)

    def check(self, module: nn.Module) -> None:
        """Whatever was replaced inside a layer is run as it is."""


def layered_chain(module: TextEncoder) -> Chain:
    """The chain of a text model: a cut in front of each layer and behind the last, a block for each layer."""
    layers = tuple(f"model.{module.path}.{i}" for i in range(len(module.layers)))
    segments = LayerSegments(layers, module.before, module.behind)
    names = ["input", "embeddings", *(name.removeprefix("model.") for name in layers), "features"]
    cuts = tuple(Cut(i, name) for i, name in enumerate(names))
    ends = [*range(1, len(layers) + 1), module.last]
    block_of = dict.fromkeys(module.before, 0)  # first: what holds several blocks is of the first that is named
    block_of |= {name: i for i, name in enumerate(layers, 1)} | dict.fromkeys(module.behind, len(layers))
    parameters = grouped((name for name, _ in module.named_parameters()), block_of, len(ends))
    buffers = grouped((name for name, _ in module.named_buffers()), block_of, len(ends))
    blocks = tuple(Block(i, names[i + 1], end, parameters[i], buffers[i]) for i, end in enumerate(ends))
    return Chain(module, cuts, blocks, segments, "", Tokens())


def _encoder(module: nn.Module) -> TextEncoder:
    assert isinstance(module, TextEncoder), "the chain of a text model is over a text encoder"
    return module


def _run(module: nn.Module, x: Tensor, *, start: int, stop: int) -> Tensor:
    return _encoder(module).run(x, start, stop)


class _Several(nn.Module):
    def __init__(self, module: TextEncoder, stops: tuple[int, ...]) -> None:
        super().__init__()
        self.module, self._stops = module, stops

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        found, start = [], 0
        for stop in self._stops:
            x, start = self.module.run(x, start, stop), stop
            found.append(x)
        return tuple(found)
