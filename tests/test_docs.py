"""The pages under docs/ are run as they stand, with sockets blocked like everything else."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

RECORDS = {"benchmarks"}
"""Written by `benchmarks/plot.py` from measurements: there is nothing in it to run."""

PAGES = [page for page in sorted((Path(__file__).parent.parent / "docs").glob("*.md")) if page.stem not in RECORDS]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_says_what_happens(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0
