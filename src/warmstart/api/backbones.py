"""`backbones`: the pretrained networks that can be asked for by name."""

from __future__ import annotations

from typing import Any

from warmstart.model.catalog import list_backbones


def backbones() -> list[dict[str, Any]]:
    """One dict per backbone that is installed: name, architecture, licence, what it was trained on, parameters."""
    return list_backbones()
