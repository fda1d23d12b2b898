"""Who may import whom. The table is the one of DESIGN.md; a room that needs more is a reason to talk, not to import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "warmstart"
EVERYBODY = {"errors", "registry", "files", "display"}
MAY = {
    "recipe": set[str](),
    "preprocess": set[str](),
    "data": {"preprocess"},
    "model": {"preprocess"},
    "task": {"model", "data"},
    "planning": {"recipe", "model", "task"},
    "cache": {"model", "data"},
    "evaluation": {"model", "data", "task"},
    "engine": {"planning", "cache", "evaluation"},
    "methods": {"engine"},
    "select": {"engine"},
    "report": {"evaluation"},
    "shipping": {"evaluation"},
    "exporting": {"shipping"},
    "explaining": {"shipping"},
    "serving": {"explaining"},
    "api": {"methods", "select", "report", "shipping", "exporting", "explaining", "serving"},
    "cli": {"api"},
}
LEAVES = {"engine.events", "engine.allocator", "engine.processes"}
"""Modules that import nothing of the house, so that any room may: the words spoken between engine and listeners, and
those between the processes of a run."""


def allowed(room: str) -> set[str]:
    """All rooms that `room` may import: those in its row, and what those may."""
    return MAY[room].union(*(allowed(other) for other in MAY[room])) | {room} | EVERYBODY


def module_name(path: Path) -> str:
    """Dotted name below warmstart; "" is the package itself."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _nodes(tree: ast.AST, *, top_level: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if top_level and (isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or _is_type_checking(node)):
            continue
        yield node
        yield from _nodes(node, top_level=top_level)


def imports(path: Path, *, top_level: bool = False) -> set[str]:
    """Modules of the house that a file imports, as dotted names below warmstart."""
    found = set[str]()
    for node in _nodes(ast.parse(path.read_text(encoding="utf-8")), top_level=top_level):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "warmstart":
                dotted = name.removeprefix("warmstart").lstrip(".")
                found.add(dotted if dotted in MODULES else dotted.rpartition(".")[0])
    return found


def test_every_room_is_in_the_table() -> None:
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms == set(MAY)


@pytest.mark.parametrize("room", MAY)
def test_a_room_imports_only_what_its_row_allows(room: str) -> None:
    walls = [
        f"{name} imports {target}"
        for name, path in MODULES.items()
        if name.split(".")[0] == room
        for target in imports(path)
        if target and target not in LEAVES and target.split(".")[0] not in allowed(room)
    ]
    assert walls == []


@pytest.mark.parametrize("leaf", sorted((EVERYBODY | LEAVES) & set(MODULES)))
def test_what_everybody_may_import_imports_nothing_of_the_house(leaf: str) -> None:
    assert imports(MODULES[leaf]) <= EVERYBODY


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {name: imports(path, top_level=True) & set(MODULES) for name, path in MODULES.items()}
    done, trail = set[str](), list[str]()

    def visit(name: str) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        trail.append(name)
        cycle = next((c for c in map(visit, sorted(graph[name] - {name})) if c), [])
        trail.pop()
        done.add(name)
        return cycle

    assert [cycle for cycle in map(visit, graph) if cycle] == []
