"""The measures of the house: small files, functions that fit a screen, nothing that can execute what it reads."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
EXECUTING = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
COMPILERS = {"src/warmstart/model/segments.py"}
"""Compiles Python that torch.fx wrote from a traced graph, as torch.fx does itself; no text in it comes from a file."""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def walk(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def length(node: FunctionNode) -> int:
    """Lines of a function without its docstring: documentation is never too long."""
    end = node.end_lineno or node.lineno
    first = node.body[0]
    if ast.get_docstring(node) is not None and first.end_lineno is not None:
        end -= first.end_lineno - first.lineno + 1
    return end - node.lineno + 1


def test_files_are_small() -> None:
    measured = {path: lines(path) for path in SOURCES if path.name != "__init__.py"}
    assert statistics.median(measured.values()) < 150
    assert [f"{path.name}: {n}" for path, n in measured.items() if n > 300] == []


def test_functions_fit_a_screen() -> None:
    functions = [(path, node) for path in SOURCES for node in walk(path) if isinstance(node, FunctionNode)]
    assert functions
    assert [f"{where(path, f)} {f.name}: {length(f)}" for path, f in functions if length(f) > 60] == []


def executes(node: ast.AST) -> bool:
    """Whether an import or a call could run code that lies in a file: pickle and its kin, unsafe loaders, eval."""
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] in EXECUTING
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func)
    if called.split(".")[0] in EXECUTING:  # `except pickle.UnpicklingError` is no call
        return True
    keywords = {k.arg: ast.unparse(k.value) for k in node.keywords}
    return (
        called in {"eval", "exec", "yaml.load", "yaml.unsafe_load", "torch.hub.load"}
        or (called == "torch.load" and keywords.get("weights_only") != "True")
        or (called.endswith(".load") and keywords.get("allow_pickle", "False") != "False")
    )


def test_nothing_the_package_reads_can_execute() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in SOURCES for node in walk(path) if executes(node)}
    assert found <= COMPILERS


@pytest.mark.parametrize(
    "code",
    [
        "pickle.loads(text)",
        "from joblib import load",
        "torch.load(f)",
        "torch.load(f, weights_only=False)",
        "eval(text)",
    ],
)
def test_the_rule_above_finds_what_it_is_for(code: str) -> None:
    assert any(executes(node) for node in ast.walk(ast.parse(code)))


def asserts(function: FunctionNode) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in {"raises", "warns", "fail"} or name.startswith("assert"):
                return True
    return False


def test_every_test_asserts_something() -> None:
    tests = [
        (path, node)
        for path in TESTS
        for node in walk(path)
        if isinstance(node, FunctionNode) and node.name.startswith("test_")
    ]
    assert tests
    assert [f"{where(path, node)} {node.name}" for path, node in tests if not asserts(node)] == []


def test_nothing_is_left_to_do() -> None:
    mark = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
    assert [str(path) for path in [*SOURCES, *TESTS] if mark.search(path.read_text(encoding="utf-8"))] == []


def test_the_library_does_not_print() -> None:
    prints = [
        where(path, node)
        for path in SOURCES
        if "cli" not in path.parts
        for node in walk(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    ]
    assert prints == []
