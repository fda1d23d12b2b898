"""Real sets of series, as aeon packages them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


def packaged() -> Path:
    """The folder of aeon's own sets; without importing it, which takes a second."""
    spec = importlib.util.find_spec("aeon")
    if spec is None or spec.origin is None:
        pytest.skip("aeon is not installed")
    return Path(spec.origin).parent / "datasets" / "data"


@pytest.fixture(scope="session")
def archive() -> Path:
    """The folder of aeon's own sets."""
    return packaged()
