"""A space of recipes, as text: `finetune?lr=1e-5..1e-2&from_block=-1|-2|-4` is a method with ranges for its options.

It is written like a recipe with options behind its name; what has no range stays as it is said, or at its default.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from warmstart.errors import RecipeError
from warmstart.recipe.methods import load_recipe, options
from warmstart.recipe.named import parse
from warmstart.recipe.recipe import Recipe

DECADES = 100
"""A range of positive numbers that spans this factor is searched by its logarithm."""


@dataclasses.dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both ends included; `whole` ones, or evenly by their logarithm."""

    low: float
    high: float
    whole: bool

    @property
    def log(self) -> bool:
        """Whether its orders of magnitude count, as those of a learning rate do."""
        return self.low > 0 and self.high / self.low >= DECADES

    def holds(self, value: object) -> bool:
        """Whether a value, such as a default, lies in it."""
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclasses.dataclass(frozen=True)
class Choice:
    """Values as text, one of which is taken."""

    values: tuple[str, ...]

    def holds(self, value: object) -> bool:
        """Whether a value, such as a default, is one of them."""
        return str(value) in self.values


@dataclasses.dataclass(frozen=True)
class Space:
    """A method, the options that are fixed, and those that are searched, in the order they are written."""

    method: str
    fixed: dict[str, str]
    searched: dict[str, Range | Choice]

    def recipe(self, values: Mapping[str, object]) -> Recipe:
        """The recipe with these values of searched options; numbers are rounded to three digits, as they are told."""
        told = {key: _told(value) for key, value in values.items()}
        return load_recipe(self.method, **{**self.fixed, **told})

    @property
    def default(self) -> Recipe:
        """What is taken where nobody searches."""
        return self.recipe({})

    def default_values(self) -> dict[str, object] | None:
        """The defaults of searched options; `None` where one lies outside of what is searched."""
        known = options(self.method)
        values = {key: str(known[key]) if isinstance(s, Choice) else known[key] for key, s in self.searched.items()}
        return values if all(space.holds(known[key]) for key, space in self.searched.items()) else None


def _told(value: object) -> object:
    return float(f"{value:.3g}") if isinstance(value, float) else value


def space_of(text: str) -> Space:
    """The space that a text stands for.

    Raises:
        RecipeError: no option has a range, a range is none, or its ends do not fit the method.

    >>> space = space_of("finetune?lr=1e-5..1e-2&from_block=-1|-2&epochs=3..10&augment=flip")
    >>> space.searched["lr"], space.searched["lr"].log
    (Range(low=1e-05, high=0.01, whole=False), True)
    >>> space.recipe({"lr": 0.00123456, "from_block": "-1", "epochs": 4}).name
    'finetune?from_block=-1&lr=0.00123&epochs=4&augment=flip'
    """
    method, said = parse(text)
    searched = {key: found for key, value in said.items() if (found := _searched(key, value)) is not None}
    space = Space(method, {key: value for key, value in said.items() if key not in searched}, searched)
    if not searched:
        load_recipe(text)  # a name that there is not is told first
        known = ", ".join(f"{key}={value}" for key, value in options(method).items())
        raise RecipeError(
            f"{text} has nothing to search",
            expected=f"a range or choices behind an option of {method}: {known}",
            do=f"write {method}?NAME=LOW..HIGH, or {method}?NAME=A|B|C, several with & between, in quotes",
        )
    for key, found in searched.items():
        ends = found.values if isinstance(found, Choice) else (_end(found, found.low), _end(found, found.high))
        for end in ends:
            space.recipe({key: end})  # raises where it does not fit
    return space


def _end(found: Range, value: float) -> float:
    return int(value) if found.whole else value


def _searched(key: str, value: str) -> Range | Choice | None:
    if "|" in value:
        values = tuple(value.split("|"))
        if "" in values or len(set(values)) < len(values):
            raise RecipeError(f"{key}={value}", expected="values with | between them, none empty, none twice")
        return Choice(values)
    low, between, high = value.partition("..")
    if not between:
        return None
    try:
        ends = float(low), float(high)
    except ValueError:
        raise RecipeError(f"{key}={value}", expected="two numbers with .. between them, such as 1e-5..1e-2") from None
    if not ends[0] < ends[1] < float("inf"):
        raise RecipeError(f"{key}={value}", expected="the lower end first, and both finite")
    return Range(*ends, whole=all(_whole(end) for end in (low, high)))


def _whole(text: str) -> bool:
    return text.strip().lstrip("+-").isdigit()
