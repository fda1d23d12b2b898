"""An input that is to be answered for, with what is kept beside it, and what is wanted of inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from warmstart.data.schema import Kind, Sample
from warmstart.data.seriesreading import UNSAID, Reading

NOTHING: Mapping[str, Any] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """A sample without a label, and the cells of its row that the user wants beside the answer, by column."""

    sample: Sample
    kept: Mapping[str, Any] = dataclasses.field(default_factory=lambda: NOTHING)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """How inputs are read: what kind they are of, and which columns of tables are what."""

    kind: Kind
    text_column: str | None = None
    path_column: str | None = None
    keep: str | None = None
    """Columns that are kept, with commas between them."""
    reading: Reading = UNSAID
    channels: int | None = None
    """Of series, how many the model takes."""
