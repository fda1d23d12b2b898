"""What the tests of the commands share: quick fits of the toy backbone, and folders compared bit by bit."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from warmstart.api.fit import FitResult, fit
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe

QUICK: dict[str, Any] = {"backbone": "toy", "recipe": "probe", "baseline": "none", "budget": "5m"}
"""The least that can be fitted: a head on frozen features of the toy backbone."""


def quick(data: Any, out: Path, **options: Any) -> FitResult:
    return fit(data, out=out, **{**QUICK, **options})


def tuning(epochs: int = 4, name: str = "mine") -> Recipe:
    """A gradient recipe of a few small batches."""
    return Recipe(name=name, steps=(Phase(rates=(("*", 1e-3),), epochs=epochs, batch_size=8),))


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """Hash and time of change of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def weights(run: FitResult) -> dict[str, str]:
    """Hash of each file of weights in a bundle."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.bundle.glob("weights-*.safetensors"))
    }
