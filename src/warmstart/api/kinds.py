"""What is taken where nothing was said, by the kind of the data."""

from __future__ import annotations

from typing import Any

from warmstart.data.schema import Kind
from warmstart.data.sources import kind_of

BACKBONES: dict[Kind, str] = {"image": "lite0", "text": "minilm"}
METHODS: dict[Kind, str] = {
    "image": "scratch,probe,finetune,gradual,lp_ft",
    "text": "tfidf,probe,finetune,gradual,lp_ft",
}

COLUMNS = ("path_column", "text_column", "label_column")
"""Options that name columns of a table."""


def kind_of_data(data: Any, *, path_column: str | None, text_column: str | None) -> Kind:
    """Images or texts: by what a column that is named belongs to, else by what the data look like."""
    if text_column is not None:
        return "text"
    return "image" if path_column is not None else kind_of(data)
