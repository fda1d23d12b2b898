"""Options behind the name of a head, `unet?channels=128,64,32,16,8`: the way backbones and recipes have them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from warmstart.errors import RecipeError, nearest

Value = int | float | bool | str | tuple[int, ...]
Options = dict[str, Value]
_TRUTH = {"true": True, "false": False}
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a name"}


def parse(text: str) -> tuple[str, dict[str, str]]:
    """The name, and the options behind the question mark, as text.

    Raises:
        RecipeError: what stands behind the question mark is not `NAME=VALUE`, with `&` between, or says a name twice.

    >>> parse("unet?channels=64,32&attention_type=scse")
    ('unet', {'channels': '64,32', 'attention_type': 'scse'})
    """
    name, mark, query = text.partition("?")
    found: dict[str, str] = {}
    for option in query.split("&") if mark else ():
        key, _, value = option.partition("=")
        if not key or not value or key in found:
            raise RecipeError(
                f"head {text!r} ends in ?{query}",
                expected=f"{name}?NAME=VALUE&NAME=VALUE, every name once",
                do="put it in quotes",
            )
        found[key] = value
    return name, found


def defaults(maker: Callable[..., Any]) -> dict[str, Any]:
    """The options that what makes a head takes, its parameters by keyword alone, with their defaults."""
    parameters = inspect.signature(maker).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def read(name: str, maker: Callable[..., Any], given: Mapping[str, object]) -> dict[str, Any]:
    """All options of a head, read from text where they are text: numbers, and several values with commas between.

    Raises:
        RecipeError: an option is unknown, or its value does not fit.

    >>> def head(size: int, *, channels: int = 256, scales: tuple[float, ...] = ()) -> None: ...
    >>> read("head", head, {"scales": "0.1,0.5"})
    {'channels': 256, 'scales': (0.1, 0.5)}
    """
    hinted = maker.__init__ if inspect.isclass(maker) else maker
    known, kinds = defaults(maker), get_type_hints(hinted)
    found = dict(known)
    for key, value in given.items():
        if key not in known:
            raise _unknown(name, key, known)
        several = get_origin(kinds[key]) is tuple and isinstance(value, str)
        try:
            found[key] = TypeAdapter(kinds[key]).validate_python(str(value).split(",") if several else value)
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise RecipeError(
                f"head {name!r} has {key}={as_text(value)}: {problem}", expected=f"something like {as_text(known[key])}"
            ) from error
    return found


def completed(name: str, given: Mapping[str, object], options: Mapping[str, Value]) -> Options:
    """All options of a head, those `given`, as text or as they are, in the type of their default.

    Raises:
        RecipeError: there is no such option, or its value does not fit.

    >>> completed("fpn", {"dropout": "0.5"}, {"dropout": 0.2, "channels": (8, 4)})
    {'dropout': 0.5, 'channels': (8, 4)}
    """
    for key in given.keys() - options.keys():
        raise _unknown(name, key, options)
    return {key: _read(name, key, given[key], value) if key in given else value for key, value in options.items()}


def _unknown(name: str, key: str, known: Mapping[str, object]) -> RecipeError:
    said = ", ".join(f"{k}={as_text(v)}" for k, v in known.items())
    return RecipeError(
        f"head {name!r} has no option {key!r}",
        expected=f"one of {said}" if known else "none",
        do=f"the nearest: {nearest(key, known)}" if known else f"leave out ?{key}=...",
    )


def as_text(value: object) -> str:
    """An option as it is written.

    >>> as_text((8, 4)), as_text(True)
    ('8,4', 'true')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _read(name: str, key: str, value: object, default: Value) -> Value:
    text = as_text(tuple(value) if isinstance(value, list) else value)
    try:
        if isinstance(default, tuple):
            return tuple(int(part) for part in text.split(","))
        if isinstance(default, bool):
            return _TRUTH[text]
        return type(default)(text)
    except (ValueError, KeyError):
        kind = "whole numbers with commas between" if isinstance(default, tuple) else _KINDS[type(default)]
        raise RecipeError(f"head {name!r} has {key}={text}", expected=f"{key}={kind}") from None


def one_of(name: str, key: str, value: Value, choices: Iterable[Value]) -> None:
    """Raise `RecipeError` where an option is none of its choices."""
    choices = list(choices)
    if value not in choices:
        raise RecipeError(
            f"head {name!r} has {key}={as_text(value)}", expected=f"{key} is one of {', '.join(map(as_text, choices))}"
        )
