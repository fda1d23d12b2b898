"""What is taken where nothing was said, by the kind of the data."""

from __future__ import annotations

from warmstart.data.schema import Kind

BACKBONES: dict[Kind, str] = {"image": "lite0", "text": "minilm"}
METHODS: dict[Kind, str] = {
    "image": "scratch,probe,finetune,gradual,lp_ft",
    "text": "tfidf,probe,finetune,gradual,lp_ft",
}

COLUMNS = ("path_column", "text_column", "label_column")
"""Options that name columns of a table."""
