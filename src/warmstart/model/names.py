"""Dotted names of modules and parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping


def parents(name: str) -> Iterator[str]:
    """The names of what contains `name`, nearest first, the root ("") left out.

    >>> list(parents("blocks.0.conv.weight"))
    ['blocks.0.conv', 'blocks.0', 'blocks']
    """
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def within(name: str, modules: Collection[str]) -> bool:
    """Whether `name` lies inside one of `modules`.

    >>> within("blocks.0.conv.weight", {"blocks.0"}), within("blocks.01", {"blocks.0"})
    (True, False)
    """
    return any(parent in modules for parent in parents(name))


def grouped(names: Iterable[str], known: Mapping[str, int], groups: int) -> list[tuple[str, ...]]:
    """Sort names into groups: where `known` says, else with the known names that share the longest path, else first.

    >>> grouped(["a.x", "b.y", "b.z.lora", "c"], {"a.x": 0, "b.y": 0, "b.z": 1}, 2)
    [('a.x', 'b.y', 'c'), ('b.z.lora',)]
    """
    group_of = dict(known)
    for name, group in known.items():
        for parent in parents(name):
            group_of.setdefault(parent, group)
    found: list[list[str]] = [[] for _ in range(groups)]
    for name in names:
        group = next((group_of[path] for path in (name, *parents(name)) if path in group_of), 0)
        found[group].append(name)
    return [tuple(group) for group in found]
