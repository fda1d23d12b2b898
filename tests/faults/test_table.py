"""The table of the docs is made of the tests: every fault is tried, and the page says what is."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from tests.faults.rows import ROWS

ROOT = Path(__file__).parent.parent.parent


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("faults_tool", ROOT / "tools" / "faults.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_fault_is_tried() -> None:
    assert set(tool().tests()) == set(ROWS) == set(range(1, 44))


def test_the_page_is_up_to_date() -> None:
    found = tool()
    assert found.PAGE.read_text(encoding="utf-8") == found.page(), "run python tools/faults.py"
