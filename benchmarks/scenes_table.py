"""The results of `benchmarks.scenes` as Markdown."""
from __future__ import annotations

from typing import Any


def table(results: dict[str, Any]) -> str:
    return repr(list(results))
