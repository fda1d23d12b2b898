"""What can be loaded, as facts: read from a table in the package, so that listing needs neither torch nor a network.

`facts.json` holds the rows of single networks. `tools/facts.py` writes it, from what timm and torchvision state about
their weights and from the networks themselves. Suppliers of any number of networks have a row in
`warmstart.model.suppliers`.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path

from warmstart.model.row import HUB_FILES, Row
from warmstart.model.suppliers import SOURCES

__all__ = ["FACTS", "HUB_FILES", "SOURCES", "Row", "aliases", "rows"]

FACTS = Path(__file__).with_name("facts.json")


@functools.cache
def rows() -> tuple[Row, ...]:
    """All rows: single networks first."""
    found = [Row(**row) for row in json.loads(FACTS.read_text(encoding="utf-8"))]
    return (*(dataclasses.replace(row, tasks=tuple(row.tasks)) for row in found), *SOURCES)


@functools.cache
def aliases() -> dict[str, str]:
    """URIs by the plain names that stand for them.

    >>> aliases()["vgg16"]
    'timm:vgg16.tv_in1k'
    """
    return {row.name: row.uri for row in rows() if row.name != row.uri}
