from __future__ import annotations

import json
import math
import unicodedata
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from warmstart.cli.text import clean, duration, plain
from warmstart.evaluation.interval import Interval
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.step import ClosedForm


@given(st.text(alphabet=st.characters()))
def test_cleaned_text_holds_nothing_that_steers_a_terminal(text: str) -> None:
    for c in clean(text):
        assert c in "\n\t\u200c\u200d" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"}


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "M", "Zs"])))
def test_text_that_can_be_seen_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


def test_a_path_whose_bytes_are_no_utf8_can_be_printed() -> None:
    assert clean(b"caf\xe9.jpg".decode("utf-8", "surrogateescape")).encode("utf-8") == b"caf\\udce9.jpg"


def test_plain_forms_go_through_json() -> None:
    thing = {
        "interval": Interval(0.5, 0.4, 0.6),
        "array": np.arange(2),
        "nan": np.float64(math.nan),
        "path": Path("a/b"),
        "recipe": Recipe(name="r", steps=(ClosedForm(),)),
        3: {1},
    }
    read = json.loads(json.dumps(plain(thing), allow_nan=False))
    assert read["interval"] == {"value": 0.5, "low": 0.4, "high": 0.6}
    assert (read["array"], read["nan"], read["path"], read["3"]) == ([0, 1], None, "a/b", [1])
    assert read["recipe"]["steps"][0]["kind"] == "closed_form"


@given(st.floats(0, 1e6))
def test_durations_never_say_sixty_seconds_or_minutes(seconds: float) -> None:
    assert "60 min" not in duration(seconds)
    assert not duration(seconds).endswith(" 60 s")
