"""`results.json`: the facts of a `fit` or a `compare` as data, to be read back exactly.

Numbers that are not finite (the loss of a run that diverged) are written as the strings "NaN", "Infinity" and
"-Infinity", so that the file is JSON for every reader.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from warmstart.errors import RunError
from warmstart.evaluation.comparison import Comparison
from warmstart.evaluation.outcome import Outcome
from warmstart.files import write_text

FORMATS: dict[type, tuple[str, str]] = {
    Outcome: ("warmstart-results/1", "fit"),
    Comparison: ("warmstart-comparison/1", "compare"),
}
"""Of each kind of facts the name of its format, and the command that writes it."""
Facts = TypeVar("Facts", Outcome, Comparison)


def write_results(facts: Outcome | Comparison, path: Path) -> Path:
    """Write `results.json` (replaced as a whole, or not at all) and return the path."""
    return write_facts(facts.to_dict(), FORMATS[type(facts)][0], path)


def write_facts(facts: dict[str, Any], form: str, path: Path) -> Path:
    """Write facts with the name of their format (replaced as a whole, or not at all) and return the path."""
    content = {"format": form, **jsonable(facts)}
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def read_results(path: Path, kind: type[Facts]) -> Facts:
    """Inverse of `write_results`. Raises `RunError` if the file is missing, damaged or of another format."""
    name, command = FORMATS[kind]
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content.pop("format", None) if isinstance(content, dict) else None
        if found != name:
            raise RunError(f"{path} has the format {found!r}", expected=name, do="use the command that wrote it")
        return TypeAdapter(kind).validate_python(content)
    except (OSError, ValueError, ValidationError) as error:
        raise RunError(
            f"{path} cannot be read as results: {error}",
            expected=f"a results.json as `warmstart {command}` writes it",
            do=f"run `warmstart {command}` again, or restore the file",
        ) from error


def jsonable(value: Any) -> Any:
    """The value with only JSON types in it; numpy's numbers become Python's."""
    if isinstance(value, dict):
        return {str(key): jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(inner) for inner in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value if isinstance(value, str | int | float | bool | None) else str(value)
