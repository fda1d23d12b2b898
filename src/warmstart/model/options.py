"""Options behind the name of a head, `fcos?channels=128&convs=2`: the way backbones and recipes have them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from warmstart.errors import RecipeError, nearest


def parse(text: str) -> tuple[str, dict[str, str]]:
    """The name, and the options behind the question mark as text.

    Raises:
        RecipeError: what stands behind the question mark is not `NAME=VALUE`, with `&` between, or says a name twice.

    >>> parse("fcos?channels=128&convs=2")
    ('fcos', {'channels': '128', 'convs': '2'})
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
    kinds = get_type_hints(hinted)
    return completed(name, given, defaults(maker), kinds)


def completed(
    name: str, given: Mapping[str, object], known: Mapping[str, Any], kinds: Mapping[str, Any]
) -> dict[str, Any]:
    """All options of a head: those `known` with their defaults, and what is `given` of them in the type that `kinds`
    has for it. Raises as `read`.
    """
    found = dict(known)
    for key, value in given.items():
        if key not in known:
            raise RecipeError(
                f"head {name!r} has no option {key!r}",
                expected=f"one of {', '.join(f'{k}={_text(v)}' for k, v in known.items())}" if known else "none",
                do=f"the nearest: {nearest(key, known)}" if known else f"leave {key} out",
            )
        several = get_origin(kinds[key]) is tuple and isinstance(value, str)
        try:
            found[key] = TypeAdapter(kinds[key]).validate_python(str(value).split(",") if several else value)
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise RecipeError(
                f"head {name!r} has {key}={_text(value)}: {problem}", expected=f"something like {_text(known[key])}"
            ) from error
    return found


def one_of(name: str, key: str, value: object, choices: Iterable[object]) -> None:
    """Raise `RecipeError` where an option is none of its choices."""
    choices = list(choices)
    if value not in choices:
        raise RecipeError(
            f"head {name!r} has {key}={_text(value)}", expected=f"{key} is one of {', '.join(map(_text, choices))}"
        )


def _text(value: object) -> str:
    return ",".join(map(_text, value)) if isinstance(value, tuple | list) else str(value)
