"""Making all trials fit the time there is, the same way for every contestant."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from warmstart.engine.trials.contender import Contestant

SHARES = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05)
"""Shares of the epochs that are tried; all contestants get the same one."""
USE = 0.8
"""Of the budget that is planned for: estimates are good to a quarter."""


@dataclasses.dataclass(frozen=True)
class Fitted:
    """Contestants as they fit, the share of their epochs, and the expected seconds of all trials."""

    contestants: tuple[Contestant, ...]
    share: float
    seconds: float


def fit_budget(
    contestants: Sequence[Contestant], trials: int, left: float, seconds: Callable[[Contestant], float]
) -> Fitted:
    """The largest share of epochs with which `trials` trials of each contestant fit `left` seconds; else the smallest.

    `seconds` is the expected time of one trial.

    >>> from warmstart.recipe.methods import load_recipe
    >>> one = Contestant("finetune", "finetune", "toy", load_recipe("finetune"))
    >>> fit_budget([one], 5, 25.0, lambda c: c.epochs).share
    0.4
    """
    found = Fitted(tuple(contestants), 1.0, 0.0)
    for share in SHARES:
        scaled = tuple(one.scaled(share) for one in contestants)
        found = Fitted(scaled, share, trials * sum(seconds(one) for one in scaled))
        if found.seconds <= USE * left:
            return found
    return found
