"""What the site says of recipes, from the registry: options, YAML, which step has which fields."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import typing
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from warmstart.recipe.methods import load_recipe, options, recipes
from warmstart.recipe.phase import PlateauRule
from warmstart.recipe.recipe import Edits, Lora, Recipe
from warmstart.recipe.step import Step
from warmstart.recipe.text import to_yaml

HEADINGS = {"phase": "Training on the task", "closed_form": "A head in closed form", "average": "Averaged weights"}


def facts(name: str) -> str:
    """Of one named recipe: its sentence, its options with their defaults, and what it is as YAML."""
    recipe = load_recipe(name)
    first = (inspect.getdoc(recipes[name]) or "").split("\n\n")[0].replace("\n", " ")
    rows = "\n".join(f"| `{option}` | `{_plain(value)}` |" for option, value in options(name).items())
    return (
        f"{first}\n\n## Options\n\n| option | default |\n|---|---|\n{rows}\n\n"
        f"`--recipe '{name}?{_example(name)}'` sets one, and so does `warmstart.load_recipe`.\n\n"
        f"## As YAML\n\nFields that are not written have the defaults of [the recipe file](../reference/recipe.md).\n\n"
        f"```yaml\n{to_yaml(recipe)}```\n"
    )


def table() -> str:
    """All named recipes with their sentences."""
    rows = "\n".join(f"| [`{name}`]({name}.md) | {load_recipe(name).about} |" for name in recipes)
    return f"| recipe | what it does |\n|---|---|\n{rows}\n"


def reference() -> str:
    """The page of the recipe file: each kind of step with its fields, from the models that check it."""
    parts = [
        "# The recipe file\n",
        "A recipe is YAML (or the Python objects of the same names): edits to the network, then steps in order. "
        "`warmstart recipes NAME` prints one to start from, `warmstart plan DATA --recipe mine.yaml` checks it against "
        "your data and backbone. An unknown field is an error that names the nearest. Learning rates are per step of "
        "the optimizer, sizes in pixels (of texts, in tokens), shares between 0 and 1.\n",
        _section("The recipe", Recipe),
        _section("`edits`", Edits),
        _section("`edits.lora`", Lora),
    ]
    for model in _steps(Step):
        kind = model.model_fields["kind"].default
        parts.append(_section(f"`kind: {kind}`", model))
        if kind == "phase":
            parts.append(_section("`plateau` of a phase", PlateauRule))
    return "\n".join(parts)


def _steps(kind: object) -> Iterator[type[BaseModel]]:
    """The models of a union, however deeply it is annotated."""
    if isinstance(kind, type):
        if issubclass(kind, BaseModel):
            yield kind
        return
    for inner in typing.get_args(kind):
        yield from _steps(inner)


def _section(title: str, model: type[BaseModel]) -> str:
    said: dict[str, str] = {}
    for parent in reversed(model.__mro__):
        if issubclass(parent, BaseModel) and parent is not BaseModel:
            said |= _said(parent)
    about = _as_markdown(inspect.getdoc(model) or "")
    rows = []
    for name, field in model.model_fields.items():
        if name == "kind":
            continue
        default = "needed" if field.default is PydanticUndefined else f"`{_plain(field.default)}`"
        described = (field.description or said.get(name, "")).replace("|", "\\|")
        rows.append(f"| `{name}` | {_kind(model, name)} | {default} | {described} |")
    table = "| field | type | default | |\n|---|---|---|---|\n" + "\n".join(rows)
    return f"## {title}\n\n{about}\n\n{table}\n"


def _said(model: type[BaseModel]) -> dict[str, str]:
    """What is written below each field of a class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, after in zip(body.body, body.body[1:], strict=False):
        is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            found[field.target.id] = _as_markdown(" ".join(str(after.value.value).split()))  # type: ignore[attr-defined]
    return found


def _kind(model: type[BaseModel], name: str) -> str:
    """The type as the schema has it, in words."""
    schema = model.model_json_schema()
    return _words(schema["properties"][name], schema.get("$defs", {})).replace("|", "\\|")


def _words(part: dict[str, typing.Any], known: dict[str, typing.Any]) -> str:
    if "$ref" in part:
        named = known[part["$ref"].rpartition("/")[2]]
        return str(named.get("title", "object"))
    if "anyOf" in part:
        return " or ".join(_words(one, known) for one in part["anyOf"])
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    plain = {"number": "number", "integer": "whole number", "string": "text", "boolean": "true, false", "null": "null"}
    word = plain.get(part.get("type", ""), "list" if part.get("type") == "array" else "")
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {part[key]:g}" for key, sign in signs.items() if key in part]
    return " ".join([word, *limits]) or "steps"


def _as_markdown(text: str) -> str:
    """A docstring without the indents and markup that only Python's help reads."""
    return re.sub(r"`warmstart\.[\w.]+\.(\w+)`", r"`\1`", text)


def _plain(value: object) -> str:
    """A default as it is written in YAML or behind a `?`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, BaseModel):
        return ", ".join(f"{key}: {_plain(one)}" for key, one in value) or "{}"
    if isinstance(value, tuple):
        if value and all(isinstance(row, tuple) for row in value):
            return ", ".join(f"{row[0]}: {_plain(row[1])}" for row in value)
        return ",".join(map(_plain, value))
    return str(value) or '""'


def _example(name: str) -> str:
    option, value = next(iter(options(name).items()))
    return f"{option}={_plain(value)}"
