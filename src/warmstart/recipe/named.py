"""A named method with options behind its name, `finetune?epochs=3&from_block=-4`: the way backbones have them.

A recipe's own name is that text with defaults left out, so it can be told from others and be given back.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError, validate_call

from warmstart.errors import RecipeError, nearest
from warmstart.recipe.mistakes import mistakes
from warmstart.recipe.recipe import Recipe


def parse(text: str) -> tuple[str, dict[str, str]]:
    """The name of a method, and the options behind the question mark, as text.

    Raises:
        RecipeError: what stands behind the question mark is not `NAME=VALUE`, with `&` between, or says a name twice.

    >>> parse("finetune?epochs=3&from_block=-4")
    ('finetune', {'epochs': '3', 'from_block': '-4'})
    """
    name, mark, query = text.partition("?")
    found: dict[str, str] = {}
    for option in query.split("&") if mark else ():
        key, _, value = option.partition("=")
        if not key or not value:
            raise RecipeError(
                f"recipe {text!r} ends in ?{query}", expected=f"{name}?NAME=VALUE&NAME=VALUE", do="put it in quotes"
            )
        if key in found:
            raise RecipeError(f"recipe {text!r} gives {key} twice", expected="every option once")
        found[key] = value
    return name, found


def defaults(method: Callable[..., Recipe]) -> dict[str, object]:
    """The parameters of a method with their defaults, in order."""
    return {key: parameter.default for key, parameter in inspect.signature(method).parameters.items()}


def call(name: str, method: Callable[..., Recipe], given: Mapping[str, object]) -> Recipe:
    """The recipe that `method` makes of the options given; text is read as numbers, or as several values, where needed.

    Raises:
        RecipeError: an option is unknown, or its value does not fit.
    """
    known, kinds = defaults(method), get_type_hints(method)
    for key in given.keys() - known.keys():
        raise RecipeError(
            f"recipe {name!r} has no parameter {key!r}",
            expected=f"one of {', '.join(f'{k}={v!r}' for k, v in known.items())}",
            do=f"the nearest: {nearest(key, known)}",
        )
    several = {key for key, value in given.items() if isinstance(value, str) and get_origin(kinds[key]) is tuple}
    values = {key: tuple(str(value).split(",")) if key in several else value for key, value in given.items()}
    try:
        recipe = validate_call(method)(**values)
    except ValidationError as error:
        raise mistakes(error, values, f"recipe {name!r}") from error
    read = {key: TypeAdapter(kinds[key]).validate_python(values[key]) for key in known if key in values}
    said = [f"{key}={_text(value)}" for key, value in read.items() if value != known[key]]
    return recipe.model_copy(update={"name": f"{name}?{'&'.join(said)}"}) if said else recipe


def _text(value: object) -> str:
    return ",".join(map(_text, value)) if isinstance(value, tuple) else str(value)
