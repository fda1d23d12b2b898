"""Options behind the name of a head."""

from __future__ import annotations

from typing import Any

import pytest

from warmstart.errors import RecipeError
from warmstart.model.options import completed, one_of, parse, read

DEFAULTS: dict[str, Any] = {"channels": (8, 4), "dropout": 0.2, "depth": 5, "separable": False, "norm": "batchnorm"}
KINDS: dict[str, Any] = {key: tuple[int, ...] if key == "channels" else type(value) for key, value in DEFAULTS.items()}


def head(width: int, *, channels: tuple[int, ...] = (8, 4), dropout: float = 0.2) -> None:
    """Something that makes a head."""


def test_text_is_read_in_the_type_of_the_option() -> None:
    name, given = parse("unet?channels=64,32&dropout=0&depth=3&separable=true&norm=identity")
    found = completed(name, given, DEFAULTS, KINDS)
    assert found == {"channels": (64, 32), "dropout": 0.0, "depth": 3, "separable": True, "norm": "identity"}
    assert isinstance(found["dropout"], float)


def test_what_came_back_from_json_is_read_again() -> None:
    assert completed("unet", {"channels": [64, 32], "separable": True}, DEFAULTS, KINDS)["channels"] == (64, 32)


def test_options_of_a_function_are_its_parameters_by_keyword() -> None:
    assert read("head", head, {"channels": "3"}) == {"channels": (3,), "dropout": 0.2}
    with pytest.raises(RecipeError, match="'width'"):
        read("head", head, {"width": "3"})


@pytest.mark.parametrize("text", ["unet?", "unet?channels", "unet?channels=", "unet?=3", "unet?depth=3&depth=4"])
def test_what_is_no_option_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="NAME=VALUE"):
        parse(text)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"chanels": "8"}, "the nearest: 'channels'"),
        ({"depth": "3.5"}, "depth=3.5"),
        ({"dropout": "much"}, "something like 0.2"),
        ({"separable": "perhaps"}, "separable=perhaps"),
        ({"channels": "8,x"}, "something like 8,4"),
    ],
)
def test_a_wrong_option_is_told_with_what_fits(given: dict[str, str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        completed("unet", given, DEFAULTS, KINDS)


def test_a_head_without_options_says_so() -> None:
    with pytest.raises(RecipeError, match="Expected: none"):
        completed("plain", {"depth": "3"}, {}, {})


def test_one_of_few_values() -> None:
    one_of("aspp", "output_stride", 8, (8, 16))
    with pytest.raises(RecipeError, match="output_stride is one of 8, 16"):
        one_of("aspp", "output_stride", 4, (8, 16))
