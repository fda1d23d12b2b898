"""`results.json`: an outcome as data, to be read back exactly.

Numbers that are not finite (the loss of a run that diverged) are written as the strings "NaN", "Infinity" and
"-Infinity", so that the file is JSON for every reader.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from warmstart.errors import RunError
from warmstart.evaluation.outcome import Outcome
from warmstart.files import write_text

FORMAT = "warmstart-results/1"


def write_results(outcome: Outcome, path: Path) -> Path:
    """Write `results.json` (replaced as a whole, or not at all) and return the path."""
    return write_facts(outcome.to_dict(), FORMAT, path)


def write_facts(facts: dict[str, Any], form: str, path: Path) -> Path:
    """Write facts with the name of their format (replaced as a whole, or not at all) and return the path."""
    content = {"format": form, **jsonable(facts)}
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def read_results(path: Path) -> Outcome:
    """Inverse of `write_results`. Raises `RunError` if the file is missing, damaged or of another format."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content.pop("format", None) if isinstance(content, dict) else None
        if found != FORMAT:
            raise RunError(f"{path} has the format {found!r}", expected=FORMAT, do="use the version that wrote it")
        return TypeAdapter(Outcome).validate_python(content)
    except (OSError, ValueError, ValidationError) as error:
        raise RunError(
            f"{path} cannot be read as results: {error}",
            expected="a results.json as `warmstart fit` writes it",
            do="run `warmstart fit` again, or restore the file",
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
