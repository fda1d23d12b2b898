"""Making all trials fit the time there is: what is cheap runs whole, what is dear shares what is left alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from warmstart.engine.trials.contender import Contestant

SHARES = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05)
"""Shares of its epochs that a contestant may be cut to."""
USE = 0.8
"""Of the budget that is planned for: estimates are good to a quarter."""


@dataclasses.dataclass(frozen=True)
class Fitted:
    """Contestants as they fit, in the order given, and the expected seconds of all trials."""

    contestants: tuple[Contestant, ...]
    seconds: float


def fit_budget(
    contestants: Sequence[Contestant], trials: int, left: float, seconds: Callable[[Contestant], float]
) -> Fitted:
    """Every contestant may take the same part of `left` seconds for its `trials` trials; what one leaves, others get.

    `seconds` is the expected time of one trial. One that does not fit with the smallest share of its epochs has that.

    >>> from warmstart.recipe.methods import load_recipe
    >>> tune, scratch = (Contestant(name, name, "toy", load_recipe(name)) for name in ("finetune", "scratch"))
    >>> [one.epochs for one in fit_budget([scratch, tune], 5, 250.0, lambda c: c.epochs).contestants]
    [30, 10]
    """
    whole = {one.name: seconds(one) for one in contestants}
    fitted: dict[str, Contestant] = {}
    left *= USE
    for one in sorted(contestants, key=lambda one: whole[one.name]):
        allowed = left / (len(contestants) - len(fitted))
        scaled = one
        for share in SHARES:
            scaled = one.scaled(share)
            if trials * seconds(scaled) <= allowed:
                break
        fitted[one.name] = scaled
        left = max(0.0, left - trials * seconds(scaled))
    found = tuple(fitted[one.name] for one in contestants)
    return Fitted(found, trials * sum(seconds(one) for one in found))
