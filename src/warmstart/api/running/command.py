"""The command line that repeats a run, and what data are called in it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def called(data: Any) -> str:
    """Data as a run's folder names them: the path, or the type of what lies in memory.

    >>> called("photos"), called([1, 2])
    ('photos', 'list')
    """
    return str(data) if isinstance(data, str | Path) else type(data).__name__


def command(name: str, arguments: Sequence[str], options: Mapping[str, Any]) -> str:
    """What a person types; options that are not set are left out, and `data`, which is an argument.

    >>> command("fit", ["my photos"], {"seed": 0, "accept_licence": True, "size": None})
    "warmstart fit 'my photos' --seed 0 --accept-licence"
    """
    words = ["warmstart", name, *arguments]
    for key, value in options.items():
        if key != "data" and value is not None and value is not False:
            words += [f"--{key.replace('_', '-')}", *([] if value is True else [str(value)])]
    return shlex.join(words)
