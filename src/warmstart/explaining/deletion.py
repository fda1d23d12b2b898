"""The deletion check: does the answer fall when what a map calls important is covered, more than for as much elsewhere?

(Samek et al. 2017, "Evaluating the visualization of what a deep neural network has learned", in one step.) Elsewhere
means the same shape moved to other places, for how much a cover hurts depends on its shape.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from warmstart.explaining.asked import Asked, Pick
from warmstart.explaining.explanation import Drop
from warmstart.explaining.methods import FloatArray

SHARE = 0.2
"""Of the places of an input that are covered."""
_MOVES = ((1 / 2, 1 / 2), (1 / 2, 0.0), (0.0, 1 / 2), (1 / 4, 3 / 4))
"""By which share of the height and of the width the cover is moved; of a series, of channels and of steps."""


def drop(asked: Asked, chosen: Pick, x: Tensor, values: FloatArray) -> Drop | None:
    """How far the answer for one input (1, ...) falls; `None` where the map says of no place that it speaks for it."""
    there = asked.readable(x)
    strength = torch.from_numpy(values).where(there, torch.tensor(-torch.inf))
    most = max(1, round(SHARE * int(there.sum())))
    found = strength.flatten().topk(most)
    mask = torch.zeros(there.numel(), dtype=torch.bool)
    mask[found.indices[found.values > 0]] = True
    if not bool(mask.any()):
        return None
    mask = mask.reshape(there.shape)
    masks = torch.stack([mask, *_elsewhere(mask, there)])
    with torch.inference_mode():
        before = float(chosen.told(asked.outputs(x))[0])
        after = chosen.told(asked.outputs(asked.covered(x.expand(len(masks), *x.shape[1:]).clone(), masks)))
    falls = before - after.double()
    return Drop(float(falls[0]), float(falls[1:].mean()))


def _elsewhere(mask: Tensor, there: Tensor) -> list[Tensor]:
    """As much, at other places: moved, or of tokens drawn."""
    if mask.ndim == 1:
        places, many = np.flatnonzero(there.numpy()), int(mask.sum())
        rng, found = np.random.default_rng(0), []
        for _ in _MOVES:
            other = torch.zeros_like(mask)
            other[torch.from_numpy(rng.choice(places, many, replace=False))] = True
            found.append(other)
        return found
    height, width = mask.shape
    return [mask.roll((round(down * height), round(across * width)), (0, 1)) for down, across in _MOVES]
