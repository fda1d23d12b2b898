"""The rows of a table of learning rates: a small language that names parts of a network, and which row a parameter is in.

Pure text and numbers: a parameter is known here by its name, the block it is in and whether a normalisation layer owns
it, so tables are checked without torch and tested without a network. Invariant: `assign` puts every parameter in exactly
one row, or raises.

| pattern | what it matches |
|---|---|
| `*` | everything |
| `head`, `backbone` | the new head; everything else |
| `block:-1`, `block:2..4`, `block:-2..`, `block:..2` | blocks by index, from the end if negative; ranges include both ends and are clipped to the network |
| `block:stage 3` | blocks by name (glob) |
| `depth:0.75` | blocks that start at or beyond that share of the depth |
| `bias`, `norm` | bias vectors (those of normalisation layers and of the head too); all parameters of normalisation layers |
| `lora` | the matrices that a recipe's edit `lora` has added |
| `blocks.3`, `*.conv_dw`, `head.linear.weight` | module or parameter names (glob, with or without `backbone.`); a module stands for all under it |
| `A & B`, `A | B` | both; either (`&` binds tighter) |
"""  # noqa: E501 (a table row cannot be broken)

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from warmstart.errors import RecipeError, nearest

KEYWORDS = ("*", "head", "backbone", "bias", "norm", "lora")


@dataclasses.dataclass(frozen=True)
class Part:
    """All that a pattern can ask about one parameter."""

    name: str  # "backbone.blocks.0.0.bn1.weight", "head.linear.bias"
    block: int | None  # index of its block; None for the head
    norm: bool = False  # owned by a normalisation layer
    lora: bool = False  # one of the two matrices of a low-rank product

    @property
    def bias(self) -> bool:
        """Whether it is a bias vector, by the convention of its name (`bias`, `in_proj_bias`, `q_bias`)."""
        return self.name.rpartition(".")[2].endswith("bias")

    @property
    def paths(self) -> tuple[str, ...]:
        """Its name and those of all modules it is in, as a user may write them.

        >>> Part("backbone.stem.conv.weight", 0).paths[:4]
        ('backbone.stem.conv.weight', 'stem.conv.weight', 'backbone.stem.conv', 'stem.conv')
        """
        found = []
        path = self.name
        while path:
            found.append(path)
            if path.startswith("backbone."):
                found.append(path.removeprefix("backbone."))
            path = path.rpartition(".")[0]
        return tuple(found)


Matcher = Callable[[Part, Sequence[str]], bool]
"""Whether a part matches, given the names of all blocks in order."""


def parse(pattern: str) -> Matcher:
    """The predicate a pattern stands for; `RecipeError` where it is malformed.

    >>> last = parse("block:-1 & bias")
    >>> last(Part("backbone.b.bias", 1), ["stem", "stage 1"]), last(Part("backbone.a.bias", 0), ["stem", "stage 1"])
    (True, False)
    """
    either = [[_term(term.strip(), pattern) for term in both.split("&")] for both in pattern.split("|")]
    return lambda part, blocks: any(all(term(part, blocks) for term in both) for both in either)


def assign(patterns: Sequence[str], parts: Sequence[Part], blocks: Sequence[str]) -> tuple[int, ...]:
    """Index of the row each part falls in: the first that matches.

    Args:
        patterns: the rows' patterns, in order.
        parts: all parameters of the network.
        blocks: names of the backbone's blocks, in order.

    Raises:
        RecipeError: a row matches no parameter at all (earlier rows disregarded), or a parameter is in no row.

    >>> table = ("head", "block:-1..", "*")
    >>> assign(table, [Part("backbone.a", 0), Part("backbone.b", 1), Part("head.w", None)], ["stem", "stage 1"])
    (2, 1, 0)
    """
    matchers = [parse(pattern) for pattern in patterns]
    for pattern, matches in zip(patterns, matchers, strict=True):
        if not any(matches(part, blocks) for part in parts):
            raise _unmatched(pattern, parts, blocks)
    rows = [next((i for i, matches in enumerate(matchers) if matches(part, blocks)), -1) for part in parts]
    left_out = [part.name for part, row in zip(parts, rows, strict=True) if row < 0]
    if left_out:
        more = f" (and {len(left_out) - 1} more)" if len(left_out) > 1 else ""
        raise RecipeError(
            f"parameter {left_out[0]!r}{more} is in no row of the rates table",
            expected="a row for every parameter",
            do='end the table with "*": null to freeze what is left, or with a rate to train it',
        )
    return tuple(rows)


def _term(text: str, pattern: str) -> Matcher:
    if not text:
        raise RecipeError(f"pattern {pattern!r} has an empty part", expected="for example 'block:-1 & bias'")
    if text.startswith("block:"):
        return _block(text.removeprefix("block:"), text)
    if text.startswith("depth:"):
        return _depth(text.removeprefix("depth:"), text)
    named: dict[str, Matcher] = {
        "*": lambda _part, _blocks: True,
        "head": lambda part, _: part.block is None,
        "backbone": lambda part, _: part.block is not None,
        "bias": lambda part, _: part.bias,
        "norm": lambda part, _: part.norm,
        "lora": lambda part, _: part.lora,
    }
    return named.get(text) or (lambda part, _: any(fnmatchcase(path, text) for path in part.paths))


def _block(spec: str, text: str) -> Matcher:
    """Blocks by index, by range or by name."""
    numbers = re.fullmatch(r"(-?\d+)?(\.\.)?(-?\d+)?", spec)
    if not spec or spec == ".." or (".." in spec and not numbers):
        raise RecipeError(f"pattern {text!r} names no block", expected="block:-1, block:2..4, block:-2.. or block:NAME")
    if not numbers:
        return lambda part, blocks: part.block is not None and fnmatchcase(blocks[part.block], spec)
    first, dots, last = numbers.groups()

    def inside(part: Part, blocks: Sequence[str]) -> bool:
        if part.block is None:
            return False
        low = _from_end(int(first or 0), len(blocks))
        high = _from_end(int(last), len(blocks)) if last else (len(blocks) - 1 if dots else low)
        return low <= part.block <= high

    return inside


def _from_end(index: int, n: int) -> int:
    return index + n if index < 0 else index


def _depth(spec: str, text: str) -> Matcher:
    try:
        share = float(spec)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise RecipeError(f"pattern {text!r} is no depth", expected="a share of the blocks in [0, 1), as in depth:0.75")
    return lambda part, blocks: part.block is not None and part.block >= share * len(blocks)


def _unmatched(pattern: str, parts: Sequence[Part], blocks: Sequence[str]) -> RecipeError:
    paths = dict.fromkeys(path for part in parts for path in part.paths)
    choices = [*KEYWORDS, *(f"block:{name}" for name in blocks), *paths]
    listed = ", ".join(f"{i} {name!r}" for i, name in enumerate(blocks))
    return RecipeError(
        f"the row {pattern!r} of the rates table matches no parameter of this network",
        expected=f"a part that this network has; its blocks are {listed}",
        do=f"the nearest names: {nearest(pattern, choices)}",
    )
