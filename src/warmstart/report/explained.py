"""The page that shows why a bundle answered as it did."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from warmstart.files import write_text
from warmstart.report.page import render

_DEEP = 0.85
"""How opaque the strongest word is."""


def write_explained(facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Write the page to `path` (as a whole, or not at all) and return the path.

    Args:
        facts: `data`, `method`, `task` and `command`.
        rows: one for each input, as `Explanation.to_dict` has them; further `png`, the bytes of its picture or `None`,
            and for each of `nearest` a `picture`, a data URI or empty.
        path: of the page.
    """
    write_text(path, explained_html(facts, rows))
    return path


def explained_html(facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The page as text; see `write_explained`."""
    return render("explained.html.j2", facts=facts, rows=[{**row, **_shown(row)} for row in rows])


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    png = row["png"]
    strongest = max((abs(value) for _, value in row["words"]), default=0.0) or 1.0
    return {
        "picture": "" if png is None else f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}",
        "shades": [(word, value > 0, round(_DEEP * abs(value) / strongest, 2)) for word, value in row["words"]],
    }
