"""The benchmark of generation in small: models of both kinds learn what they are to write."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.generation import QUICK, SHAPES, answer, learn, strings


def test_no_answer_that_is_asked_for_was_learned() -> None:
    train, test = strings(QUICK)
    assert (len({*train}), len({*test})) == (QUICK.train, QUICK.test)
    assert not {answer(text) for text in train} & {answer(text) for text in test}


@pytest.mark.slow
@pytest.mark.parametrize("family", SHAPES)
def test_unseen_strings_are_sorted(family: str, tmp_path: Path) -> None:
    found = learn(family, QUICK, tmp_path)
    assert found.exact > 0.95
    assert found.exact == pytest.approx(found.forced)
