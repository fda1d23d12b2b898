"""What the faults are tried on: scikit-learn's digits, and the smallest bundle that answers for them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.faults.ways import Way, by_cli, by_python
from warmstart.api.fit import fit

QUICK: dict[str, Any] = {"backbone": "toy", "recipe": "probe", "baseline": "none"}
"""The least that can be fitted."""


@pytest.fixture(params=["cli", "python"])
def way(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Way:
    """Each fault is met in both ways, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return by_cli if request.param == "cli" else by_python


@pytest.fixture(scope="session")
def _bundle_once(_digits_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("faults")
    return fit(_digits_once, out=place / "run", cache=place / "cache", **QUICK).bundle


@pytest.fixture
def bundle(_bundle_once: Path, tmp_path: Path) -> Path:
    """A bundle of three digits, a copy of one's own."""
    return Path(shutil.copytree(_bundle_once, tmp_path / "bundle"))
