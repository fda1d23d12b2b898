"""Folders as publishers of weights make them, with small random weights."""

from __future__ import annotations

from pathlib import Path

COMMIT = "0" * 40


def hub_snapshot(cache: Path, repo: str) -> Path:
    """The folder of a repository's files in a cache of the hub."""
    there = cache / f"models--{repo.replace('/', '--')}"
    (there / "refs").mkdir(parents=True)
    (there / "refs" / "main").write_text(COMMIT)
    (there / "snapshots" / COMMIT).mkdir(parents=True)
    return there / "snapshots" / COMMIT
