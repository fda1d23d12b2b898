"""Learning-rate schedules as pure multipliers in [0, 1] of a group's rate; no state but that of `Plateau`, no torch.

A multiplier depends on the step alone, so a resumed run continues on the same curve by construction.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, get_args

from warmstart.errors import RecipeError, nearest
from warmstart.recipe.phase import PlateauRule, ScheduleName


def factor(name: str, step: int, total: int, warmup: float = 0.0) -> float:
    """Multiplier of the rates at `step` (from 0) of `total` steps.

    `"constant"` is 1; so is `"plateau"`, where `Plateau` says by how much to cut. Steps at or beyond `total` (a phase
    that was prolonged) keep the last value. `warmup` is the share of the steps over which `"cosine"` rises.

    >>> factor("cosine", 0, 100), factor("constant", 7, 100)
    (1.0, 1.0)
    """
    step, total = min(step, max(total - 1, 0)), max(total, 1)
    match name:
        case "constant" | "plateau":
            return 1.0
        case "cosine":
            return cosine(step, total, warmup)
        case "one_cycle":
            return one_cycle(step, total)
        case "slanted_triangular":
            return slanted_triangular(step, total)
        case "exponential":
            return exponential(step, total)
    names = get_args(ScheduleName)
    raise RecipeError(
        f"no schedule is called {name!r}",
        expected=f"one of {', '.join(names)}",
        do=f"the nearest: {nearest(name, names)}",
    )


def cosine(step: int, total: int, warmup: float = 0.0) -> float:
    """Linear rise over `warmup` of the steps, then half a cosine towards 0 (Loshchilov & Hutter 2017, eq. 5).

    >>> [round(cosine(step, 8, 0.25), 3) for step in range(8)]
    [0.333, 0.667, 1.0, 0.933, 0.75, 0.5, 0.25, 0.067]
    """
    rise = round(warmup * total)
    if step < rise:
        return (step + 1) / (rise + 1)
    return _between(1.0, 0.0, (step - rise) / max(total - rise, 1))


def exponential(step: int, total: int) -> float:
    """From 1 to 1/169 by the same factor at each step: 0.95 for each of 100 epochs.

    >>> round(exponential(50, 5000), 4), round(exponential(5000, 5000), 4)
    (0.95, 0.0059)
    """
    return float(0.95 ** (100 * step / total))


def one_cycle(step: int, total: int) -> float:
    """From 1/25 up to 1 over 30 % of the steps and down to 4e-6, both by half a cosine.

    The one-cycle policy of Smith & Topin (2018) in the form that fastai gave it; equals PyTorch's `OneCycleLR` with its
    defaults (for more than 3 steps).
    """
    peak = 0.3 * total - 1
    low, end = 1 / 25, 1 / 25 / 1e4
    if step <= peak:
        return _between(low, 1.0, step / peak)
    return _between(1.0, end, (step - peak) / (total - 1 - peak))


def slanted_triangular(step: int, total: int, *, cut_frac: float = 0.1, ratio: float = 32) -> float:
    """A short linear rise and a long linear fall (Howard & Ruder 2018, eq. 3).

    The paper's `cut * (1 / cut_frac - 1)` is written `total - cut`, its value where `cut_frac * total` is whole; in
    short runs, where it is not, the paper's form would fall below 1 / ratio and even below 0.

    >>> [round(slanted_triangular(step, 20), 4) for step in (0, 1, 2, 11, 19)]
    [0.0312, 0.5156, 1.0, 0.5156, 0.0851]
    """
    cut = max(math.floor(total * cut_frac), 1)
    p = step / cut if step < cut else 1 - (step - cut) / max(total - cut, 1)
    return (1 + p * (ratio - 1)) / ratio


def _between(start: float, stop: float, share: float) -> float:
    """From `start` to `stop` by half a cosine."""
    return stop + (start - stop) / 2 * (1 + math.cos(math.pi * share))


@dataclasses.dataclass
class Plateau:
    """Cut the rate when a score stops getting better (Keras' ReduceLROnPlateau; larger scores are better).

    >>> plateau = Plateau(patience=1)
    >>> [plateau.update(score) for score in (0.5, 0.5, 0.6, 0.6)]
    [1.0, 0.5, 0.5, 0.25]
    """

    reduce: float = 0.5
    patience: int = 2  # epochs without a better score before a cut
    least: float = 0.01  # the multiplier never goes below
    delta: float = 0.0  # a score is better if it is by more than this
    factor: float = 1.0
    best: float = -math.inf
    waited: int = 0

    @classmethod
    def of(cls, rule: PlateauRule) -> Plateau:
        """What follows the rule of a phase."""
        return cls(rule.factor, rule.patience, rule.least, rule.delta)

    def update(self, score: float) -> float:
        """Take the score of one epoch (NaN is no better than any) and return the multiplier now valid."""
        if score > self.best + self.delta:
            self.best, self.waited = score, 0
        else:
            self.waited += 1
        if self.waited >= self.patience:
            self.factor, self.waited = max(self.factor * self.reduce, self.least), 0
        return self.factor

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on; JSON-able (no score yet is `None`)."""
        return {"factor": self.factor, "best": self.best if self.best > -math.inf else None, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self.factor, self.waited = float(state["factor"]), int(state["waited"])
        self.best = -math.inf if state["best"] is None else float(state["best"])
