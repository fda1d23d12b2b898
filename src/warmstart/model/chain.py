"""A backbone as an ordered list of cuts: `suffix(c)(prefix(c)(x)) == module(x)` for every cut `c`, exactly.

Cut 0 is the input, the last cut is the pooled features. Segments are compiled from the traced graph on demand and look
the parts of `module` up by name at every call, so replacing or training a submodule is seen by every segment; they hold
no state of their own. Train and eval flags live in the shared modules too: the tracer never looks inside a module that
reads its flag. A network that cannot be traced has only these two cuts: it loses caching and nothing else.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Callable, Collection, Mapping, Sequence

import torch
from torch import Tensor, fx, nn

from warmstart.model.inputs import Images, Inputs
from warmstart.model.modes import evaluating
from warmstart.model.names import grouped, within
from warmstart.model.segments import Segmented, Segments


@dataclasses.dataclass(frozen=True)
class Cut:
    """A place between two nodes of the network where exactly one activation passes."""

    index: int
    name: str  # the module that ends here; "input" and "features" at the two ends


@dataclasses.dataclass(frozen=True)
class Block:
    """A part of the backbone that a person can name (stem, stage 1, ...); every parameter is in exactly one."""

    index: int
    name: str
    cut: int  # index of the cut that ends it; len(cuts) - 1 for all blocks of a network that cannot be cut
    parameters: tuple[str, ...]  # names in `module.named_parameters()`
    buffers: tuple[str, ...]  # names in `module.named_buffers()`


class Chain:
    """See the module docstring. Built by `warmstart.model.trace.build_chain`.

    Args:
        module: the network without its head: inputs (n, ...) to (n, features).
        cuts: at least the two ends.
        blocks: every parameter and buffer of `module` is in exactly one.
        segments: the traced graph; `None` if the network cannot be cut.
        why_uncut: the reason, in words, if `segments` is `None`.
        inputs: what it takes.
        modules: names of the modules of each block, where they do not follow from its cut: blocks that end between two
            cuts have the upper one's.

    >>> from warmstart.model.catalog import load_backbone
    >>> chain, x = load_backbone("toy").chain, torch.rand(2, 3, 32, 32)
    >>> _ = chain.module.eval()
    >>> cut = chain.blocks[1].cut
    >>> torch.equal(chain.suffix(cut)(chain.prefix(cut)(x)), chain(x))
    True
    """

    def __init__(
        self,
        module: nn.Module,
        cuts: tuple[Cut, ...],
        blocks: tuple[Block, ...],
        segments: Segmented | None,
        why_uncut: str = "",
        inputs: Inputs = Images(3),  # noqa: B008 (frozen)
        modules: tuple[frozenset[str], ...] | None = None,
    ) -> None:
        self.module = module
        self.cuts = cuts
        self.blocks = blocks
        self.why_uncut = why_uncut
        self.inputs = inputs
        self._segments = segments
        self._modules = modules
        self._shapes: dict[int, tuple[tuple[int, ...], ...]] = {}

    @property
    def segments(self) -> Segmented | None:
        """What the parts between cuts are made of; `None` if the network cannot be cut."""
        return self._segments

    def __call__(self, x: Tensor) -> Tensor:
        """The features of preprocessed inputs, by the network itself."""
        out: Tensor = self.module(x)
        return out

    def __len__(self) -> int:
        return len(self.cuts)

    def prefix(self, cut: int) -> Callable[[Tensor], Tensor]:
        """From the input to the activation at `cut`; what it returns never shares storage with the input."""
        return self.segment(0, cut)

    def suffix(self, cut: int) -> Callable[[Tensor], Tensor]:
        """From the activation at `cut` to the features; never writes to the activation."""
        return self.segment(cut, len(self.cuts) - 1)

    def segment(self, start: int, stop: int) -> Callable[[Tensor], Tensor]:
        """From the activation at cut `start` to the one at cut `stop`; indices may be negative, as in a list.

        Raises:
            IndexError: there is no such cut, or `stop` lies before `start`.
        """
        first, last = self._index(start), self._index(stop)
        if last < first:
            raise IndexError(f"segment from cut {start} to cut {stop} runs backwards")
        if self._segments is not None:
            return functools.partial(self._segments.compiled(self.module, first, last), self.module)
        return torch.clone if first == last else self

    def prefixes(self, cuts: Sequence[int]) -> nn.Module:
        """`prefix(cut)` for several ascending cuts as one module that returns a tuple; it shares the parameters."""
        stops = [self._index(cut) for cut in cuts]
        if self._segments is not None:
            return self._segments.prefixes(self.module, stops)
        if stops != [len(self.cuts) - 1]:
            raise IndexError(f"the network cannot be cut ({self.why_uncut})")
        return _Tuple(self.module)

    def tapped(self, positions: Mapping[int, tuple[int, ...]]) -> fx.GraphModule:
        """The network with the means and maxima of the activations at some cuts, over the dimensions given for each,
        before its own features; it shares the parameters.
        """
        assert self._segments is not None, "only a chain with cuts has activations to tap"
        return self._segments.tapped(self.module, positions)

    def beside_input(self) -> fx.GraphModule | None:
        """The network with its whole input before its own features; it shares the parameters. `None` if not traced."""
        return self._segments.beside_input(self.module) if isinstance(self._segments, Segments) else None

    def cut_for(self, trainable: Collection[str]) -> int:
        """The largest cut below which no parameter in `trainable` (names in `module.named_parameters()`) is used."""
        wanted = frozenset(trainable)
        if not wanted:
            return len(self.cuts) - 1
        low, high = 0, len(self.cuts) - 1
        while low < high:  # parameters_below grows with the cut
            middle = (low + high + 1) // 2
            low, high = (low, middle - 1) if self.parameters_below(middle) & wanted else (middle, high)
        return low

    def parameters_below(self, cut: int) -> frozenset[str]:
        """Names of the parameters that `prefix(cut)` uses, as the module stands now."""
        last = self._index(cut)
        first_name = {id(parameter): name for name, parameter in self.module.named_parameters()}
        if self._segments is None:
            return frozenset(first_name.values() if last else ())
        modules, attributes = self._segments.used(0, last)
        # Tied parameters have several names, of which `named_parameters` gives the first.
        every = self.module.named_parameters(remove_duplicate=False)
        return frozenset(first_name[id(p)] for name, p in every if name in attributes or within(name, modules))

    def modules_below(self, cut: int) -> frozenset[str]:
        """Names of the modules that `prefix(cut)` calls, with all that they contain.

        In eval mode these make the prefix deterministic: what contains them runs no code that reads its own flag.
        """
        last = self._index(cut)
        if self._segments is None:
            return frozenset(name for name, _ in self.module.named_modules() if last)
        return self._within(self._segments.used(0, last)[0])

    def modules_of(self, block: Block) -> frozenset[str]:
        """Names of the modules that hold the block's parameters and buffers, or are called only inside it."""
        owners = frozenset(name.rpartition(".")[0] for name in (*block.parameters, *block.buffers))
        if self._modules is not None:
            return self._within(self._modules[block.index]) | owners
        if self._segments is None:
            return self._within(owners)
        start = self.blocks[block.index - 1].cut if block.index else 0
        elsewhere = self._segments.used(0, start)[0] | self._segments.used(block.cut, len(self.cuts) - 1)[0]
        return self._within(self._segments.used(start, block.cut)[0] - elsewhere) | owners

    def activation_shape(self, cut: int, size: int) -> tuple[int, ...]:
        """Shape per sample of the activation at `cut` for inputs of `size` (pixels a side, tokens); measured once."""
        if size not in self._shapes:
            self._shapes[size] = self._measure(size)
        return self._shapes[size][self._index(cut)]

    def block_at(self, cut: int) -> Block:
        """The block that the activation at `cut` comes out of, or is inside; the first one for the input."""
        index = self._index(cut)
        return next((block for block in self.blocks if block.cut >= index), self.blocks[-1])

    def opens(self, name: str) -> bool:
        """Whether the trace looked into the module of that name, which then must stay of its type."""
        return self._segments is not None and name in self._segments.opened

    def refresh(self) -> None:
        """Take note that submodules were replaced (by adapters, say): names new to the blocks join the nearest block.

        Raises:
            BackboneError: a module that the trace looked into was replaced; the chain must be built anew.
        """
        if self._segments is not None:
            self._segments.check(self.module)
        known = {name: block.index for block in self.blocks for name in (*block.parameters, *block.buffers)}
        parameters = grouped((name for name, _ in self.module.named_parameters()), known, len(self.blocks))
        buffers = grouped((name for name, _ in self.module.named_buffers()), known, len(self.blocks))
        self.blocks = tuple(
            dataclasses.replace(block, parameters=parameters[block.index], buffers=buffers[block.index])
            for block in self.blocks
        )
        self._shapes.clear()

    def clone(self) -> Chain:
        """A chain over a deep copy of the module; the compiled graph is shared (it holds no state)."""
        module = copy.deepcopy(self.module)
        return Chain(module, self.cuts, self.blocks, self._segments, self.why_uncut, self.inputs, self._modules)

    def _index(self, cut: int) -> int:
        index = cut + len(self.cuts) if cut < 0 else cut
        if not 0 <= index < len(self.cuts):
            raise IndexError(f"no cut {cut}: there are {len(self.cuts)}")
        return index

    def _within(self, names: Collection[str]) -> frozenset[str]:
        return frozenset(name for name, _ in self.module.named_modules() if name in names or within(name, names))

    def _measure(self, size: int) -> tuple[tuple[int, ...], ...]:
        x = self.inputs.example(1, size, self.module)
        with evaluating(self.module), torch.no_grad():
            if self._segments is None:
                return tuple(x.shape[1:]), tuple(self.module(x).shape[1:])
            return tuple(shape[1:] for shape in self._segments.shapes(self.module, x))


class _Tuple(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (self.module(x),)
