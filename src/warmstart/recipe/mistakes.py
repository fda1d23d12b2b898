"""Pydantic's findings as one `RecipeError` a person can act on: where, what was found, what was expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from warmstart.errors import RecipeError, nearest
from warmstart.recipe.phase import PlateauRule
from warmstart.recipe.recipe import Edits, Lora, Recipe
from warmstart.recipe.step import Step

Path = tuple[str | int, ...]
_STEPS: dict[str, type[BaseModel]] = {kind.model_fields["kind"].default: kind for kind in get_args(get_args(Step)[0])}
"""Of the union that recipes are made of, by their kind."""


def mistakes(error: ValidationError, data: object, where: str, node: yaml.Node | None = None) -> RecipeError:
    """All that is wrong with `data`, one line per field.

    Args:
        error: what pydantic says.
        data: what it was given.
        where: what `data` is, for the first line ("recipe 'my.yaml'").
        node: the YAML that `data` was read from; its line numbers are then given.
    """
    found: dict[Path, tuple[str, list[str]]] = {}
    for each in error.errors(include_url=False):
        if each["type"] == "too_short" and isinstance(each["input"], Sized) and len(each["input"]):
            continue  # an echo: items that are wrong themselves were dropped before counting
        path = _path(each["loc"], data, each["type"])
        text, expected = _words(each, data, path)
        found.setdefault(path, (text, []))[1].append(expected)
    lines = [
        f"{_line(node, path)}{_dotted(path)}{text}{' or '.join(dict.fromkeys(expected))}"
        for path, (text, expected) in found.items()
    ]
    count = "a mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    return RecipeError("\n  ".join([f"{where} has {count}:", *lines]), do="correct what is named above")


def _path(loc: Sequence[str | int], data: object, kind: str) -> Path:
    """The part of pydantic's location that exists in the data: without the tags of unions that it goes through."""
    path: list[str | int] = []
    for part in loc:
        if isinstance(data, Mapping) and part in data:
            path.append(part)
            data = data[part]
        elif isinstance(data, Mapping) and isinstance(part, int) and part < len(data):
            return (*path, str(list(data)[part]))  # a table of rates written as a mapping: the row by its pattern
        elif isinstance(data, list | tuple) and isinstance(part, int) and part < len(data):
            path.append(part)
            data = data[part]
        elif isinstance(data, Mapping) and kind == "missing":
            path.append(part)
    return tuple(path)


def _words(each: Mapping[str, Any], data: object, path: Path) -> tuple[str, str]:
    """What was found and what was expected, in the words of a user."""
    found = f": found {show(each['input'])}, expected "
    match each["type"]:
        case "value_error":
            return ": ", str(each["msg"]).removeprefix("Value error, ")
        case "missing":
            return ": not given, expected ", "a value"
        case "extra_forbidden":
            fields = _fields(data, path)
            return " is unknown: expected ", f"one of {', '.join(fields)} (the nearest: {_nearest(path, fields)})"
        case "union_tag_invalid":
            return found, f"kind {each['ctx']['expected_tags']}"
        case "union_tag_not_found":
            return found, f"a field `kind`, one of {', '.join(_STEPS)}"
        case "model_attributes_type" | "model_type":
            return found, "a mapping of fields"
    return found, str(each["msg"]).removeprefix("Input should be ").partition(", unable")[0]


def _nearest(path: Path, fields: list[str]) -> str:
    return nearest(str(path[-1]), fields)


def _fields(data: object, path: Path) -> list[str]:
    """Names of the fields of the model that `path` ends in."""
    if path[0] == "edits":
        return list((Lora if "lora" in path[:-1] else Edits).model_fields)
    if "plateau" in path[:-1]:
        return list(PlateauRule.model_fields)
    if path[0] == "steps" and isinstance(data, Mapping):
        return list(_STEPS[data["steps"][path[1]]["kind"]].model_fields)
    return list(Recipe.model_fields)


def _line(node: yaml.Node | None, path: Path) -> str:
    """`"line 7, "`: where the deepest part of the path that was written stands."""
    if node is None:
        return ""
    line = node.start_mark.line
    for part in path:
        if isinstance(node, yaml.MappingNode):
            entry = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if entry is None:
                break
            line, node = entry[0].start_mark.line, entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line
    return f"line {line + 1}, "


def _dotted(path: Path) -> str:
    """`steps[1].epochs`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "recipe"


def show(value: object) -> str:
    """A value as Python writes it, cut short where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
