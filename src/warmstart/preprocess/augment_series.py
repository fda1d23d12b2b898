"""Augmentation of training series. Each depends on the generator it is given and on nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.errors import RecipeError

AUGMENTATIONS = ("none", "flip", "light", "standard")


def augment(values: npt.NDArray[Any], name: str, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Values (channels, steps) as training sees them; those given are not changed.

    `none` and `flip`: as they are, for a series read backwards or upside down is another one. `light`: every channel
    times a factor around 1, and a little noise. `standard`: more of both.
    """
    if name not in AUGMENTATIONS:
        raise RecipeError(f"no augmentation is called {name!r}", expected=f"one of {', '.join(AUGMENTATIONS)}")
    if name in ("none", "flip"):
        return np.asarray(values, dtype=np.float32)
    spread = {"light": 0.05, "standard": 0.1}[name]
    factor = 1 + spread * rng.standard_normal((values.shape[0], 1))
    noise = spread * values.std() * rng.standard_normal(values.shape)
    return (values * factor + noise).astype(np.float32)
