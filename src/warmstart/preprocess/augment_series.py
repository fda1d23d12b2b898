"""Augmentation of time series for training. Each depends on the generator it is given and on nothing else.

The changes, and how strong each is, are those that the survey of Iwana and Uchida (2021) finds to leave labels as they
are: slices (Le Guennec et al. 2016), window warping (likewise), scaling and jitter (Um et al. 2017). All channels of a
series are cut, warped and masked at the same steps, for what happens at one time happens in all of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from warmstart.errors import RecipeError

FloatArray = npt.NDArray[np.float32]

_SLICES = {"light": (0.9, 1.0), "standard": (0.8, 1.0)}
"""Shares of the steps that a slice keeps."""
_SCALE, _JITTER = 0.1, 0.03
"""Standard deviations, of the factor of a channel, and of noise in those of the channel (Iwana and Uchida, table 1)."""
_WARPED, _SPEEDS = 0.1, (0.5, 2.0)
"""Share of the steps that become half or twice as many (Le Guennec et al., section 3)."""
_MASKED = 0.1
"""Share of the steps that are masked, at most."""
_CROPPED = 0.3
"""Of the steps, the largest share that a crop leaves out."""
_SHORT = 4
"""Steps of the shortest series that is cut or warped."""


def augment(values: FloatArray, name: str, rng: np.random.Generator) -> FloatArray:
    """A series (channels, steps), changed; of the same shape, in an array of its own.

    `none` and `flip`: as it is, for a series read backwards or upside down is another one. `light`: a slice of 90-100 %
    of the steps, stretched to the whole length, each channel scaled by a factor of about 1 ± 0.1 around its mean, and
    noise of 3 % of its standard deviation. `standard`: a slice of 80-100 %; half of the time a tenth of the steps runs
    twice or half as fast; scaled and with noise likewise; and half of the time up to a tenth of the steps has the mean
    of its channel. `crop`: a slice of 70-100 %, with the mean and standard deviation that each channel had: what views
    of one series differ by in pretraining (Mantis, Feofanov et al. 2025, section 3.2).

    Args:
        values: on the scale that the network reads.
        name: one of `AUGMENTATIONS`.
        rng: all that is random; the same state gives the same series.

    Raises:
        RecipeError: no augmentation has this name.

    >>> series = np.sin(np.arange(30, dtype=np.float32))[None]
    >>> augment(series, "standard", np.random.default_rng(0)).shape
    (1, 30)
    """
    if name not in _KINDS:
        raise RecipeError(f"no augmentation is called {name!r}", expected=f"one of {', '.join(_KINDS)}")
    return _KINDS[name](values, rng)


def _none(values: FloatArray, rng: np.random.Generator) -> FloatArray:  # noqa: ARG001 (one signature for all)
    return values.copy()


def _light(values: FloatArray, rng: np.random.Generator) -> FloatArray:
    return _noisy(_read_at(values, _slice(values.shape[1], _SLICES["light"], rng)), rng)


def _standard(values: FloatArray, rng: np.random.Generator) -> FloatArray:
    places = _slice(values.shape[1], _SLICES["standard"], rng)
    if rng.random() < 0.5:
        places = _warped(places, rng)
    return _masked(_noisy(_read_at(values, places), rng), rng)


def _crop(values: FloatArray, rng: np.random.Generator) -> FloatArray:
    steps = values.shape[1]
    length = (steps - 1) * (1 - rng.uniform(0, _CROPPED))
    start = rng.uniform(0, steps - 1 - length)
    cut = np.stack([np.interp(np.linspace(start, start + length, steps), np.arange(steps), row) for row in values])
    spread, wanted = cut.std(1, keepdims=True), values.std(1, keepdims=True)
    scale = np.divide(wanted, spread, out=np.ones_like(spread), where=spread > 1e-6 * wanted)
    out: FloatArray = ((cut - cut.mean(1, keepdims=True)) * scale + values.mean(1, keepdims=True)).astype(np.float32)
    return out


def _slice(steps: int, share: tuple[float, float], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Where in time a slice of `steps` is read, so that it is as long again."""
    kept = rng.uniform(*share) * (steps - 1)
    start = rng.uniform(0, steps - 1 - kept)
    return np.linspace(start, start + kept, steps) if steps >= _SHORT else np.arange(steps, dtype=np.float64)


def _warped(places: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """The same places in time, some of them passed faster or more slowly."""
    steps = len(places)
    length, speed = max(1, round(_WARPED * steps)), rng.choice(_SPEEDS)
    if steps < _SHORT:
        return places
    start = rng.integers(0, steps - length)
    lasts = np.ones(steps - 1)
    lasts[start : start + length] = 1 / speed
    when = np.concatenate([[0.0], np.cumsum(lasts)])
    return np.interp(np.linspace(0, when[-1], steps), when, places)


def _read_at(values: FloatArray, places: npt.NDArray[np.float64]) -> FloatArray:
    """The series at some places in time, linear between its steps."""
    whole = np.arange(values.shape[1])
    return np.stack([np.interp(places, whole, channel) for channel in values]).astype(np.float32)


def _noisy(values: FloatArray, rng: np.random.Generator) -> FloatArray:
    mean, std = values.mean(1, keepdims=True), values.std(1, keepdims=True)
    factors = rng.normal(1, _SCALE, (len(values), 1))
    noise = rng.normal(0, _JITTER, values.shape) * std
    changed: FloatArray = (mean + factors * (values - mean) + noise).astype(np.float32)
    return changed


def _masked(values: FloatArray, rng: np.random.Generator) -> FloatArray:
    steps = values.shape[1]
    length = round(rng.uniform(0, _MASKED) * steps)
    start = rng.integers(0, steps - length + 1)
    if rng.random() < 0.5 or not length:
        return values
    values[:, start : start + length] = values.mean(1, keepdims=True)
    return values


_KINDS: dict[str, Callable[[FloatArray, np.random.Generator], FloatArray]] = {
    "none": _none,
    "flip": _none,
    "light": _light,
    "standard": _standard,
    "crop": _crop,
}
AUGMENTATIONS: tuple[str, ...] = tuple(_KINDS)
"""Names that `augment` knows: those of images, and `crop`."""
