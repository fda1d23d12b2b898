"""Each command has a Python twin of the same name, words and defaults."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any, Unpack, get_type_hints

import pytest

from warmstart.cli.main import app
from warmstart.data.seriesreading import SeriesOptions

COMMANDS: dict[str, Callable[..., Any]] = {
    c.callback.__name__: c.callback for c in app.registered_commands if c.callback
}
OF_THE_TERMINAL = {"as_json", "debug", "command", "config", "schema"}
OF_PYTHON = {"listener"}


def twin(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(importlib.import_module(f"warmstart.api.{name}"), name)
    return function


def options(function: Callable[..., Any], leave_out: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:  # the options of series, by the names of a TypedDict
            assert get_type_hints(function)[name] == Unpack[SeriesOptions]
            found |= dict.fromkeys(SeriesOptions.__annotations__)
        elif name not in leave_out:
            found[name] = parameter.default
    return found


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"recipes"}))
def test_a_command_has_the_words_and_defaults_of_its_twin(name: str) -> None:
    assert options(COMMANDS[name], OF_THE_TERMINAL) == options(twin(name), OF_PYTHON)


def test_the_twin_of_recipes_gives_them_all_and_takes_nothing() -> None:
    assert options(twin("recipes"), OF_PYTHON) == {}
