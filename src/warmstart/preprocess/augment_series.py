"""Augmentation of training series. Each depends on the generator it is given and on nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.errors import RecipeError

AUGMENTATIONS = ("none", "flip", "light", "standard", "crop")
_CROPPED = 0.3
"""Of the steps of a series, the largest share that a crop leaves out."""


def augment(values: npt.NDArray[Any], name: str, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Values (channels, steps) as training sees them; those given are not changed.

    `none` and `flip`: as they are, for a series read backwards or upside down is another one. `light`: every channel
    times a factor around 1, and a little noise. `standard`: more of both. `crop`: a stretch of at least 70 % of the
    steps, as long as the whole again and every channel on the scale it had: what changes no value's neighbours.
    """
    if name not in AUGMENTATIONS:
        raise RecipeError(f"no augmentation is called {name!r}", expected=f"one of {', '.join(AUGMENTATIONS)}")
    if name in ("none", "flip"):
        return np.asarray(values, dtype=np.float32)
    if name == "crop":
        return _cropped(np.asarray(values, dtype=np.float64), rng).astype(np.float32)
    spread = {"light": 0.05, "standard": 0.1}[name]
    factor = 1 + spread * rng.standard_normal((values.shape[0], 1))
    noise = spread * values.std() * rng.standard_normal(values.shape)
    return (values * factor + noise).astype(np.float32)


def _cropped(values: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A stretch of values (channels, steps), by linear interpolation, with the means and spreads of the whole."""
    steps = values.shape[1]
    length = (steps - 1) * (1 - rng.uniform(0, _CROPPED))
    start = rng.uniform(0, steps - 1 - length)
    places = np.linspace(start, start + length, steps)
    cut = np.stack([np.interp(places, np.arange(steps), channel) for channel in values])
    spread, wanted = cut.std(1, keepdims=True), values.std(1, keepdims=True)
    scale = np.divide(wanted, spread, out=np.ones_like(spread), where=spread > 1e-6 * wanted)
    return (cut - cut.mean(1, keepdims=True)) * scale + values.mean(1, keepdims=True)
