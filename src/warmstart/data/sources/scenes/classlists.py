"""Where files of one data set disagree on the classes: one note that names every list and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warmstart.data.names import some

_SHOWN = 12
"""Classes of a list that are named."""
Lists = Mapping[str, Mapping[Any, str]]
"""What each file calls its classes, by id or index."""


def by_name(lists: Lists) -> list[str]:
    """A note if files have other classes, or other ids for the same ones; they are mapped by name then.

    >>> by_name({"train.json": {1: "cat", 2: "dog"}, "val.json": {1: "dog", 2: "cat", 3: "cow"}})[0].partition(": ")[2]
    'train.json lists 1 cat, 2 dog; val.json lists 1 dog, 2 cat, 3 cow; not in train.json: cow'
    >>> by_name({"train.json": {1: "cat"}, "val.json": {1: "cat"}})
    []
    """
    if all(dict(names) == dict(next(iter(lists.values()))) for names in lists.values()):
        return []
    every = dict.fromkeys(name for names in lists.values() for name in names.values())
    lacking = [
        f"not in {file}: {some(absent, _SHOWN)}"
        for file, names in lists.items()
        if (absent := [name for name in every if name not in set(names.values())])
    ]
    return [
        f"files disagree on the classes, which are mapped by name, never by id: {'; '.join([*_told(lists), *lacking])}"
    ]


def one_taken(lists: Lists) -> list[str]:
    """A note for each list that is not the first one, which alone is taken: labels name classes by their index in it.

    >>> one_taken({"data.yaml": {0: "cat", 1: "dog"}, "classes.txt": {0: "dog", 1: "cat"}})[0].partition(": ")[2]
    'data.yaml lists 0 cat, 1 dog; classes.txt lists 0 dog, 1 cat; make sure that labels were written with the first'
    """
    first, *others = lists
    return [
        f"indices of labels are taken for those of {first}, and {other} says otherwise: "
        f"{'; '.join(_told({name: lists[name] for name in (first, other)}))}; "
        "make sure that labels were written with the first"
        for other in others
        if dict(lists[other]) != dict(lists[first])
    ]


def _told(lists: Lists) -> list[str]:
    return [
        f"{file} lists {some([f'{i} {name}' for i, name in names.items()], _SHOWN) or 'none'}"
        for file, names in lists.items()
    ]
