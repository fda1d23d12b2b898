"""Recipes as YAML, there and back without loss; mistakes are named by line and field with what was expected.

Only `yaml.safe_load` reads, so a recipe file cannot execute anything. Defaults are left out on writing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from warmstart.errors import RecipeError
from warmstart.recipe.mistakes import mistakes, show
from warmstart.recipe.recipe import Recipe


class _Dumper(yaml.SafeDumper):
    """Unicode line breaks are written as escapes: PyYAML writes U+0085 so that it reads a space in its place."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if _BREAKS & set(value) else None)


_BREAKS = set("\x85\u2028\u2029")
_Dumper.add_representer(str, _text)


def to_yaml(recipe: Recipe) -> str:
    """The recipe as a person would write it; `from_yaml` is the inverse.

    >>> from warmstart.recipe.methods import probe
    >>> print(to_yaml(probe().model_copy(update={"about": ""})))
    name: probe
    steps:
    - kind: closed_form
    <BLANKLINE>
    """
    data = _plain(recipe.model_dump(include={"name", "about", "edits"}, exclude_defaults=True))
    data["steps"] = [{"kind": step.kind, **_plain(step.model_dump(exclude_defaults=True))} for step in recipe.steps]
    for step in data["steps"]:
        if "rates" in step:
            step["rates"] = dict(step["rates"])
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def from_yaml(source: str | Path) -> Recipe:
    """Read a recipe from a file (`Path`, or text that ends in `.yaml` or `.yml`) or from YAML text.

    Raises:
        RecipeError: the file cannot be read, or the text is not a recipe; every mistake is listed with its line.
    """
    is_file = isinstance(source, Path) or ("\n" not in source and source.endswith((".yaml", ".yml")))
    where = f"recipe {str(source)!r}" if is_file else "the recipe"
    text = _read(Path(source), where) if is_file else str(source)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        hint = 'put names with special characters in quotes: "*"'
        raise RecipeError(f"{where} is not YAML: {error}", do=hint) from error
    if not isinstance(data, dict) or node is None:
        raise RecipeError(f"{where} holds {show(data)}", expected="a mapping with `name` and `steps`")
    _refuse_repeats(node, where)
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise mistakes(error, data, where, node) from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _read(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{where} cannot be read: {error}", expected="a YAML file in UTF-8") from error


def _refuse_repeats(node: yaml.Node, where: str) -> None:
    """PyYAML silently keeps the last of two equal keys; a row of a rates table would vanish."""
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if key.value in keys:
                line = key.start_mark.line + 1
                raise RecipeError(f"{where}, line {line}: {key.value!r} is there twice", expected="every name once")
            keys.add(str(key.value))
            _refuse_repeats(value, where)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeats(item, where)
