"""Rows 37 and 38 from within: what unpickles and what asks the network while a run is made, shipped and asked."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import QUICK
from tests.faults.ways import Way

SOURCES = Path(__file__).parent.parent.parent / "src" / "warmstart"
WATCHED = ("pickle.find_class", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request")
REACHES = {"urllib", "urllib3", "requests", "httpx", "aiohttp", "socket", "huggingface_hub", "ftplib", "http"}
PLACES = {
    "model/hub.py": "weights of a name that somebody typed, and not while HF_HUB_OFFLINE is set",
    "model/adapters/timm.py": "the same, through model/hub.py; here the offline switch alone is read",
    "shipping/hub.py": "`push` and `pull`",
    "serving/server.py": "`serve`: it listens, and asks nobody",
    "serving/guard.py": "parses addresses of requests",
    "engine/fanout/cluster.py": "`--ray`: the address that somebody typed is asked whether a cluster is there",
}
"""Every module of ours that imports what can reach a network, and the word that asks for it."""

_seen: list[tuple[str, tuple[Any, ...]]] = []
_on = [False, False]


def _hook(event: str, given: tuple[Any, ...]) -> None:
    if _on[0] and event in WATCHED:
        _seen.append((event, given))


@pytest.fixture
def watched() -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """What the interpreter itself reports; a hook can be silenced but never taken away."""
    if not _on[1]:
        sys.addaudithook(_hook)
        _on[1] = True
    _seen.clear()
    _on[0] = True
    yield _seen
    _on[0] = False


def test_38_nothing_is_unpickled_and_nobody_is_asked_from_data_to_answers(
    way: Way, digits_folder: Path, tmp_path: Path, watched: list[tuple[str, tuple[Any, ...]]]
) -> None:
    said = way("fit", digits_folder, out=str(tmp_path / "run"), track="none", **QUICK)
    assert said.code == 0, said.words
    answered = way("predict", tmp_path / "run" / "bundle", [digits_folder])
    assert len(answered.result) == 60
    assert watched == []


def test_the_watch_sees_what_it_is_for(watched: list[tuple[str, tuple[Any, ...]]]) -> None:
    import pickle

    pickle.loads(pickle.dumps(Path("a")))  # noqa: S301
    assert watched[0][0] == "pickle.find_class"


def test_37_every_place_that_could_reach_a_network_is_known() -> None:
    found = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            if any(name.split(".")[0] in REACHES for name in names):
                found.add(path.relative_to(SOURCES).as_posix())
    assert found == set(PLACES)
