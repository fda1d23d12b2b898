"""Parts of windows by time: what is learned from ends before what is chosen by begins, and that before the test.

The instants at which parts end are the same for all series. A window belongs to a part by its *future*: that of a
training window ends before the first origin of validation, and that of a validation window before the first of the
test. Windows that lie across such an instant are in no part.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from warmstart.data.futures import ForecastTarget
from warmstart.data.schema import Dataset, IntArray, Split
from warmstart.errors import DataError

ENOUGH = 20
"""Windows of a part that are enough to test on: with fewer, origins lie closer together than a horizon."""


def by_origin(dataset: Dataset, *, val: float = 0.2, test: float = 0.2) -> Split:
    """Divide windows; the last `test` share of the time is the test, the `val` share before it validation.

    Each is at least one horizon long. Test origins lie a horizon apart, so that no value is measured on twice, or
    closer where there would be fewer than 20 of them; validation has all.

    Raises:
        DataError: too few origins for as many parts.

    >>> from warmstart.data.sources.histories import read_histories
    >>> from warmstart.data.windows import Asked, windows_of
    >>> parts = by_origin(windows_of(read_histories(np.arange(40.0)), Asked(2, 4, 1)))
    >>> [len(part) for part in (parts.train, parts.val, parts.test)]
    [19, 7, 7]
    """
    target = _target(dataset)
    steps, horizon = origins(dataset), target.horizon
    first, end = int(steps.min()) - target.context, int(steps.max()) + horizon
    test_from = end - _length(test, end - first, horizon)
    val_from = test_from - _length(val, end - first, horizon)
    train = np.flatnonzero(steps + horizon <= val_from)
    between = np.flatnonzero((steps >= val_from) & (steps + horizon <= test_from))
    last = np.flatnonzero(steps >= test_from) if test else steps[:0]
    parts = 1 + (val > 0) + (test > 0)
    if not len(train) or (val and not len(between)):
        raise DataError(
            f"{end - first} steps of time with a context of {target.context} and a horizon of {horizon}",
            expected=f"at least {target.context + parts * horizon}: a context, and a horizon for each of {parts} parts",
            do="ask for a shorter horizon or context, give longer series, or set the share of the test part to 0",
        )
    kept, apart = thinned(steps[last], horizon)
    across = len(steps) - len(train) - len(between) - len(last)
    sizes = f"{len(train)} train, {len(between)} validation, {len(kept)} test"
    how = f"by time, at the same instants for all series: {sizes}"
    how += f"; test origins are {apart} step(s) apart" if test else ""
    notes = (f"{across} windows whose future lies in two parts are in none",) if across else ()
    return Split(train, between, last[kept], how, notes)


def forward(dataset: Dataset, k: int, *, val: float) -> list[Split]:
    """At most `k` divisions that go forward in time: of k + 1 stretches all but the first are held out (`test`) once.

    Its contender learns from what ends before it, with a share `val` of that for validation.

    Raises:
        DataError: too few origins.
    """
    target, steps = _target(dataset), origins(dataset)
    first, end = int(steps.min()), int(steps.max()) + target.horizon
    edges = np.linspace(first, end, k + 2).astype(np.int64)
    found, problem = [], ""
    for start, stop in itertools.pairwise(edges[1:]):
        before = np.flatnonzero(steps + target.horizon <= start)
        held = np.flatnonzero((steps >= start) & (steps + target.horizon <= stop))
        if not len(before) or not len(held):
            continue
        try:
            inner = by_origin(dataset.subset(before), val=val, test=0.0)
        except DataError as error:
            problem = error.found
            continue
        kept, _ = thinned(steps[held], target.horizon)
        found.append(Split(before[inner.train], before[inner.val], held[kept], inner.how))
    if len(found) < 2:
        raise DataError(
            f"the windows cannot be divided into {k} folds by time{f': {problem}' if problem else ''}",
            expected="at least two folds, each with a horizon and something to learn from before it",
            do="ask for a shorter horizon, fewer folds (--folds), or give longer series",
        )
    return found


def units(dataset: Dataset) -> IntArray:
    """A number (n,) for each window, the same for those of one stretch of time as long as the horizon.

    Their errors are no independent observations: the same values are in them, or those of the same days.
    """
    steps = origins(dataset)
    return np.asarray((steps - steps.min()) // _target(dataset).horizon, dtype=np.int64)


def origins(dataset: Dataset) -> npt.NDArray[np.int64]:
    """The step of each window's origin (n,)."""
    return np.array([sample.time for sample in dataset.samples], dtype=np.float64).astype(np.int64)


def thinned(steps: npt.NDArray[np.int64], horizon: int) -> tuple[IntArray, int]:
    """Positions of the windows whose origins (n,) lie as many steps apart as there is room for, counted from the last.

    >>> thinned(np.arange(100), 4)[1], thinned(np.arange(24), 4)[1]
    (4, 1)
    """
    back = (steps.max(initial=0) - steps).astype(np.int64)
    for apart in range(horizon, 0, -1):
        kept = np.flatnonzero(back % apart == 0)
        if len(kept) >= ENOUGH or apart == 1:
            return kept, apart
    raise AssertionError("a step of one keeps all")


def _length(share: float, span: int, horizon: int) -> int:
    return max(horizon, round(share * span)) if share else 0


def _target(dataset: Dataset) -> ForecastTarget:
    assert isinstance(dataset.target, ForecastTarget), "asked of windows alone"
    return dataset.target
