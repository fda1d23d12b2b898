"""The benchmark of generation in small: models of both kinds learn what they are to write."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.generation import QUICK, SHAPES, learn, strings


def test_the_strings_that_are_asked_for_were_not_learned() -> None:
    every = strings(QUICK)
    assert len({*every}) == len(every) == QUICK.train + QUICK.test
    assert {len(text) for text in every} == {3, 4, 5}


@pytest.mark.slow
@pytest.mark.parametrize("family", SHAPES)
def test_unseen_strings_are_written_backwards(family: str, tmp_path: Path) -> None:
    found = learn(family, QUICK, tmp_path)
    assert found.exact > 0.95
    assert found.exact == found.forced
