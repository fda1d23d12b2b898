"""Where in an input a map lies: in words, and in fewer numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from warmstart.preprocess.kinds import Kind

FloatArray = npt.NDArray[np.float32]
_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")
_SPREAD = 0.25
"""Share of the map in a ninth of the image, at least, for it to be named as the place: by chance it is .11."""


def speaking(values: FloatArray) -> FloatArray:
    """What speaks for the answer as shares of 1, of the same shape; of a map where nothing does, what matters at all.

    >>> speaking(np.array([[1.0, -5.0, 3.0]], np.float32)).tolist()
    [[0.25, 0.0, 0.75]]
    """
    found = (values.clip(min=0) if bool((values > 0).any()) else np.abs(values)).astype(np.float64)
    total = float(found.sum())
    shares: FloatArray = (found / total if total > 0 else np.full_like(found, 1 / max(found.size, 1))).astype(
        np.float32
    )
    return shares


def pooled(values: FloatArray, side: int) -> FloatArray:
    """Means of a map (h, w) over at most `side` x `side` fields of nearly one size.

    >>> pooled(np.arange(8, dtype=np.float32).reshape(2, 4), 2).tolist()
    [[0.5, 2.5], [4.5, 6.5]]
    """
    for axis in (0, 1):
        length = values.shape[axis]
        if length > side:
            starts = np.arange(side) * length // side
            counts = np.diff([*starts, length])
            sums = np.add.reduceat(values.astype(np.float64), starts, axis=axis)
            values = (sums / (counts[:, None] if axis == 0 else counts)).astype(np.float32)
    return values


def whereabouts(values: FloatArray, kind: Kind) -> str:
    """Where the map of an image (h, w) or of a series (channels, steps) lies, in words.

    >>> whereabouts(np.pad(np.ones((2, 3), np.float32), ((0, 4), (0, 3))), "image")
    'the top left (67 % of the map)'
    >>> whereabouts(np.eye(20, dtype=np.float32)[4:5], "series")
    'step 5 of 20 (100 % of the map)'
    """
    shares = speaking(values)
    return _stretch(shares) if kind == "series" else _ninth(shares)


def _ninth(shares: FloatArray) -> str:
    height, width = shares.shape
    rows, columns = (np.minimum(np.arange(side) * 3 // side, 2) for side in (height, width))
    sums = np.zeros((3, 3))
    np.add.at(sums, (rows[:, None], columns[None]), shares)
    at = divmod(int(sums.argmax()), 3)
    if sums[at] < _SPREAD:
        return f"no single place (at most {sums[at]:.0%} of the map in a ninth of the image)".replace("%", " %")
    name = "the middle" if at == (1, 1) else f"the {_ROWS[at[0]]} {_COLUMNS[at[1]]}"
    return f"{name} ({sums[at]:.0%} of the map)".replace("%", " %")


def _stretch(shares: FloatArray) -> str:
    """The shortest stretch that holds half of what speaks for the answer, in the channel that holds most."""
    channel = int(shares.sum(1).argmax())
    total = shares[channel].sum(dtype=np.float64) / 2
    sums = np.concatenate([[0.0], shares[channel].cumsum(dtype=np.float64)])
    steps = shares.shape[1]
    ends = np.searchsorted(sums, sums[:-1] + total - 1e-9)
    start = min((int(i) for i in np.flatnonzero(ends <= steps)), key=lambda i: int(ends[i]) - i, default=0)
    stop = min(int(ends[start]), steps)
    share = float(shares[channel, start:stop].sum())
    where = f"step {start + 1}" if stop - start <= 1 else f"steps {start + 1} to {stop}"
    of = f" of channel {channel + 1}" if len(shares) > 1 else ""
    return f"{where}{of} of {steps} ({share:.0%} of the map)".replace("%", " %")
