"""Options behind the name of a head."""

from __future__ import annotations

import pytest

from warmstart.errors import RecipeError
from warmstart.model.options import Options, as_text, completed, split

DEFAULTS: Options = {"channels": (8, 4), "dropout": 0.2, "depth": 5, "separable": False, "norm": "batchnorm"}


def test_text_is_read_in_the_type_of_the_default() -> None:
    name, given = split("unet?channels=64,32&dropout=0&depth=3&separable=true&norm=identity")
    found = completed(name, given, DEFAULTS)
    assert found == {"channels": (64, 32), "dropout": 0.0, "depth": 3, "separable": True, "norm": "identity"}
    assert isinstance(found["dropout"], float)


def test_what_was_read_is_read_again_from_json_or_text() -> None:
    assert completed("unet", {"channels": [64, 32], "separable": True}, DEFAULTS)["channels"] == (64, 32)
    text = {key: as_text(value) for key, value in DEFAULTS.items()}
    assert completed("unet", text, DEFAULTS) == DEFAULTS


@pytest.mark.parametrize("text", ["unet?", "unet?channels", "unet?channels=", "unet?=3", "unet?depth=3&depth=4"])
def test_what_is_no_option_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="NAME=VALUE"):
        split(text)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"chanels": "8"}, "'channels'"),
        ({"depth": "3.5"}, "depth=a whole number"),
        ({"dropout": "much"}, "dropout=a number"),
        ({"separable": "yes"}, "true or false"),
        ({"channels": "8,x"}, "whole numbers with commas"),
    ],
)
def test_a_wrong_option_is_told_with_what_fits(given: dict[str, str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        completed("unet", given, DEFAULTS)


def test_a_head_without_options_says_so() -> None:
    with pytest.raises(RecipeError, match="Expected: none"):
        completed("plain", {"depth": "3"}, {})
