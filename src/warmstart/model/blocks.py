"""The blocks of a network that a person can name (stem, layer1, ...), derived from its cuts and its module tree.

Units are the children of the root that read parameters, in the order in which the input reaches them. What is too small
to stand alone joins the unit before it (a pure normalisation, constants), as do units without a cut between them. While
there are few units, the one that holds half of the cuts or more gives way to its own children, if that makes more of
them. What reads no parameter at all (activation, pooling) belongs to what comes before it.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

from torch import nn

from warmstart.model.chain import Block
from warmstart.model.names import grouped, parents
from warmstart.model.norms import is_norm
from warmstart.model.segments import Segments

_ENOUGH = 5  # a network that shows this many units is readable as it is


@dataclasses.dataclass(frozen=True)
class _Unit:
    name: str  # of a module
    start: int  # position of the first node inside the module
    first: int  # position of the first node that reads a parameter or buffer of it
    last: int  # of the last one
    merged: bool = False


def blocks_of_children(module: nn.Module) -> tuple[Block, ...]:
    """Blocks of a network that cannot be cut: its children that hold parameters, in order of definition."""
    names = [name for name, child in module.named_children() if next(child.parameters(), None) is not None]
    return _filled(module, [(name, 1) for name in names] or [("network", 1)], {name: i for i, name in enumerate(names)})


def blocks_of_cuts(module: nn.Module, segments: Segments) -> tuple[Block, ...]:
    """Readable blocks, in order; each ends at a cut, and every parameter and buffer of `module` is in exactly one."""
    reads = segments.reads(module)
    cuts = [segments.position(cut) for cut in range(len(segments.cuts))]
    units = _opened_up(module, segments, reads, cuts)
    named, ends, known = [], [], dict[str, int]()
    for unit, after in zip(units, [*units[1:], None], strict=True):
        named.append(unit.name)
        ends.append(len(cuts) - 1 if after is None else _cut_between(unit, after, cuts))
    if units and units[0].merged and len(units) > 1 and next(module.get_submodule(units[1].name).children(), None):
        named[0] = "stem"
    for position, name in reads:
        block = next(i for i, unit in reversed(list(enumerate(units))) if unit.first <= position or i == 0)
        known.setdefault(name, block)
    return _filled(module, list(zip(named, ends, strict=True)) or [("network", len(cuts) - 1)], known)


def _filled(module: nn.Module, ends: Sequence[tuple[str, int]], known: Mapping[str, int]) -> tuple[Block, ...]:
    """Blocks with the given names and cuts, holding all that `module` has; `known` says where what belongs."""
    parameters = grouped((name for name, _ in module.named_parameters()), known, len(ends))
    buffers = grouped((name for name, _ in module.named_buffers()), known, len(ends))
    return tuple(Block(i, name, cut, parameters[i], buffers[i]) for i, (name, cut) in enumerate(ends))


def _opened_up(
    module: nn.Module, segments: Segments, reads: Sequence[tuple[int, str]], cuts: Sequence[int]
) -> list[_Unit]:
    """Units, after those that hold too much have given way to their children."""
    opened, best = {""}, list[_Unit]()
    while True:
        units = _merged(module, _units(segments, reads, opened), cuts)
        best = units if len(units) > len(best) else best
        starts = [*(unit.start for unit in units), cuts[-1] + 1]
        held = [sum(start <= cut < end for cut in cuts) for start, end in itertools.pairwise(starts)]
        if not units or len(units) >= _ENOUGH or 2 * max(held) < len(cuts):
            return best
        largest = units[held.index(max(held))]
        if next(module.get_submodule(largest.name).children(), None) is None:
            return best
        opened.add(largest.name)


def _units(segments: Segments, reads: Sequence[tuple[int, str]], opened: set[str]) -> list[_Unit]:
    """Runs of reads by the outermost module that is not opened; a read by an opened module joins the run before it."""
    units: list[_Unit] = []
    for position, name in reads:
        owner = next((path for path in reversed([*parents(name)]) if path not in opened), None)
        if owner is None or any(unit.name == owner for unit in units):
            if units:
                units[-1] = dataclasses.replace(units[-1], last=position)
            continue
        start = segments.first_inside(owner, after=units[-1].last if units else 0)
        units.append(_Unit(owner, min(start, position), position, position))
    return units


def _merged(module: nn.Module, units: Sequence[_Unit], cuts: Sequence[int]) -> list[_Unit]:
    """Units that can stand alone: they hold weights, and a cut parts them from the unit before."""
    out: list[_Unit] = []
    for unit in units:
        if out and (not _stands_alone(module, unit.name) or _cut_between(out[-1], unit, cuts) < 0):
            out[-1] = dataclasses.replace(out[-1], last=max(unit.last, out[-1].last), merged=True)
        else:
            out.append(unit)
    return out


def _stands_alone(module: nn.Module, name: str) -> bool:
    """Whether the module holds weights other than those of normalisations."""
    parts = module.get_submodule(name).modules()
    return any(next(part.parameters(recurse=False), None) is not None for part in parts if not is_norm(part))


def _cut_between(unit: _Unit, after: _Unit, cuts: Sequence[int]) -> int:
    """The last cut between two units; -1 if there is none."""
    return max((i for i, cut in enumerate(cuts) if unit.last <= cut < after.start), default=-1)
