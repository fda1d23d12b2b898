"""`--config FILE`: the words of a command from a YAML file, by their names in Python; `--schema` tells them.

What is typed goes before what the file says. The file is checked whole before anything is done: a word that the command
does not know, or a value of another kind, is an error that names the nearest. The annotations of the command make both
the check and the JSON schema, so that an editor refuses what the command would.
"""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from warmstart.cli.session import Session
from warmstart.errors import RunError, WarmstartError, nearest

if TYPE_CHECKING:
    from pydantic import TypeAdapter

OF_THE_TERMINAL = frozenset({"command", "as_json", "debug"})
"""What belongs to one terminal and not to what is asked."""
File = Path | None
Words = Mapping[str, inspect.Parameter]


def configurable(command: Callable[..., None]) -> Callable[..., None]:
    """The command with `--config` and `--schema` behind its own options."""
    own = inspect.signature(command, eval_str=True).parameters
    words = {name: parameter for name, parameter in own.items() if name not in OF_THE_TERMINAL}

    @functools.wraps(command)
    def run(**given: Any) -> None:
        command(**{name: value for name, value in given.items() if name in own})

    def take(context: typer.Context, file: File) -> File:
        """Make what the file says the command's defaults: eager, so before every other option is read."""
        if file is None or context.resilient_parsing:
            return file
        try:
            context.default_map = read_config(file, words, str(context.info_name))
        except WarmstartError as error:
            # `--json` is not read yet; whoever asked for it gets errors of the file in that form all the same.
            raise Session(as_json="--json" in sys.argv, debug=False).fail(error) from None
        return file

    def tell(context: typer.Context, wanted: bool) -> None:
        if wanted:
            sys.stdout.write(json.dumps(schema_of(words, str(context.info_name)), indent=2) + "\n")
            raise typer.Exit

    about = "YAML file of options by their names in Python; what is typed goes first."
    file = Annotated[File, typer.Option(metavar="FILE", help=about, is_eager=True, callback=take)]
    shown = Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of such a file.", callback=tell, is_eager=True)
    ]
    keyword = inspect.Parameter.KEYWORD_ONLY
    whole = inspect.Signature(
        [
            *(parameter.replace(kind=keyword) for parameter in own.values()),
            inspect.Parameter("config", keyword, default=None, annotation=file),
            inspect.Parameter("schema", keyword, default=False, annotation=shown),
        ]
    )
    run.__signature__ = whole  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in whole.parameters.values()}
    return run


def read_config(file: Path, words: Words, command: str) -> dict[str, Any]:
    """What a configuration file says, by option, as the command line would have it.

    Raises:
        RunError: no such file, no YAML, an unknown name, or a value of another kind.
    """
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{file} cannot be read: {error}", expected="a YAML file of options") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        found = f"{file} is no YAML: {' '.join(str(error).split())}"
        raise RunError(found, expected="NAME: VALUE on each line") from error
    if not isinstance(content, Mapping):
        raise RunError(f"{file} holds no options", expected=f"NAME: VALUE on each line, of {', '.join(words)}")
    if unknown := [str(key) for key in content if key not in words]:
        raise RunError(
            f"{file} says {', '.join(map(repr, unknown))}, which `warmstart {command}` does not take",
            expected=f"some of {', '.join(words)}",
            do=f"the nearest: {nearest(unknown[0], words)}",
        )
    return {key: _value(file, words[key], value) for key, value in content.items() if value is not None}


def _kind(word: inspect.Parameter) -> Any:
    """The type of a word, without the words about it."""
    return get_args(word.annotation)[0]


def _is_text(word: inspect.Parameter) -> bool:
    return bool({str, Path} & {_kind(word), *get_args(_kind(word))})


def _adapter(word: inspect.Parameter) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(_kind(word))


def _value(file: Path, word: inspect.Parameter, value: Any) -> Any:
    """The value as an option holds it; of a list an option that is a text has the parts with commas between them."""
    from pydantic import ValidationError

    if _is_text(word):
        value = _spelled(value)
        if isinstance(value, list) and all(isinstance(part, str) for part in value) and _kind(word) != list[str]:
            value = ",".join(value)
    try:
        return _adapter(word).validate_json(json.dumps(value, default=str), strict=True)
    except ValidationError as error:
        raise RunError(
            f"{file}: {word.name} is {json.dumps(value, default=str)}",
            expected="; ".join(dict.fromkeys(mistake["msg"] for mistake in error.errors())),
            do=f"{word.name}: {_about(word)}",
        ) from error


def _spelled(value: Any) -> Any:
    """Numbers as texts, as they would be typed; what is true or false is none."""
    if isinstance(value, list):
        return [_spelled(part) for part in value]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _about(word: inspect.Parameter) -> str:
    told = next((one.help for one in word.annotation.__metadata__ if getattr(one, "help", None)), "")
    return " ".join(str(told).split())


def schema_of(words: Words, command: str) -> dict[str, Any]:
    """JSON schema (draft 2020-12) of what `--config` of a command takes."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"warmstart {command}",
        "description": f"What `warmstart {command} --config FILE` takes, by the names of the Python function.",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _property(word) for name, word in words.items()},
    }


def _property(word: inspect.Parameter) -> dict[str, Any]:
    schema = _adapter(word).json_schema()
    if _is_text(word):
        one = {"type": ["string", "number"]}
        may = [one, {"type": "array", "items": one, "minItems": 1}]
        schema = {"anyOf": [*may, {"type": "null"}] if NoneType in get_args(_kind(word)) else may}
    told = {} if word.default in (inspect.Parameter.empty, None) else {"default": word.default}
    return {**schema, "description": _about(word), **told}
