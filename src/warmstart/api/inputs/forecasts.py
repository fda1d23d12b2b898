"""What is asked of forecasts, in the words of the commands."""

from __future__ import annotations

from warmstart.data.windows import Asked
from warmstart.errors import DataError

WORDS = ("horizon", "context", "season")
"""Options of forecasts."""


def asked_of(
    task: str | None,
    *,
    horizon: int | None = None,
    context: int | None = None,
    season: int | None = None,
    val: float = 0.2,
    test: float = 0.2,
    folds: int | None = None,
) -> Asked | None:
    """What is asked of forecasts; `None` where nothing is. A horizon alone asks for them.

    Raises:
        DataError: forecasts without a horizon, or a horizon for another task.

    >>> asked_of(None, horizon=12).horizon, asked_of("classify")
    (12, None)
    """
    given = [name for name, value in zip(WORDS, (horizon, context, season), strict=True) if value is not None]
    if task not in (None, "forecast"):
        if given:
            raise DataError(f"{', '.join(given)} for the task {task!r}", expected="the task 'forecast'")
        return None
    if task is None and not given:
        return None
    if horizon is None:
        raise DataError("a forecast without a horizon", expected="how many steps to tell", do="say it: --horizon 12")
    return Asked(horizon, context, season, val, test, folds)
