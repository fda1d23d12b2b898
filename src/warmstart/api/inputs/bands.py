"""Whether data has the bands that a backbone takes, and what their values are where its weights do not say."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter

import numpy as np

from warmstart.data.schema import Dataset, Sample
from warmstart.engine.events import Decided, Listener
from warmstart.errors import BandsError, WarmstartError
from warmstart.preprocess.bands import Bands
from warmstart.preprocess.choosing import canonical
from warmstart.preprocess.image import decode_for
from warmstart.preprocess.spec import PreprocessSpec

_ASKED = 4
_MEASURED = 64
"""Images whose values are measured."""


def refuse_other_bands(dataset: Dataset, spec: PreprocessSpec) -> None:
    """Raise the first `BandsError` where none of some images fits: the backbone is another than the data wants."""
    errors = []
    for sample in _some(dataset, _ASKED):
        try:
            if spec.banded or not _surely_a_picture(sample):
                decode_for(sample.source, spec)
            return
        except BandsError as error:
            errors.append(error)
        except WarmstartError:  # counted, and told, when all are read
            continue
    if errors:
        raise errors[0]


def measured(spec: PreprocessSpec, dataset: Dataset, listener: Listener) -> PreprocessSpec:
    """The spec with the mean and standard deviation of each band, where the weights say nothing of its values.

    Of at most 64 images, without labels and without those that the data says are the test set; what is missing does not
    count. A band that is the same everywhere is left as it is, less its mean. Where the weights have no names for their
    bands either, those of the files are taken: files in another order are then put right, as with any other names.
    """
    if spec.scale is not None:
        return spec
    spec = dataclasses.replace(spec, bands=spec.bands or _names_in(dataset, spec))
    total, squares, count = (np.zeros(spec.channels) for _ in range(3))
    images = 0
    for sample in _some(dataset, _MEASURED):
        with contextlib.suppress(WarmstartError):
            bands = decode_for(sample.source, spec)
            assert isinstance(bands, Bands)  # the spec has no scale, so it is banded
            gaps = bands.missing()
            known = np.ones(bands.values.shape, bool) if gaps is None else ~gaps
            values = np.where(known, bands.values, 0).astype(np.float64)
            total += values.sum((0, 1))
            squares += (values**2).sum((0, 1))
            count += known.sum((0, 1))
            images += 1
    mean = total / np.maximum(count, 1)
    std = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0))
    std[std <= np.abs(mean) * 1e-6] = 1.0  # no more than rounding
    names = f" ({', '.join(spec.bands)})" if spec.bands else ""
    how = f"normalised by its mean and standard deviation in {images} images"
    listener(Decided(f"each of the {spec.channels} bands{names} is {how}"))
    means, stds = (tuple(float(f"{value:.6g}") for value in values) for values in (mean, std))
    return dataclasses.replace(spec, mean=means, std=stds, scale=1.0)


def _names_in(dataset: Dataset, spec: PreprocessSpec) -> tuple[str, ...]:
    """The names that most of some files have for their bands; none unless each band has one of its own."""
    found: Counter[tuple[str, ...]] = Counter()
    for sample in _some(dataset, _MEASURED):
        with contextlib.suppress(WarmstartError):
            bands = decode_for(sample.source, spec)
            found.update([bands.names] if isinstance(bands, Bands) and bands.names else ())
    names = found.most_common(1)[0][0] if found else ()
    return names if all(names) and len({canonical(name) for name in names}) == len(names) else ()


def _some(dataset: Dataset, n: int) -> list[Sample]:
    """At most `n` samples, always the same ones; none of a test set that the data comes with."""
    order = np.random.default_rng(0).permutation(len(dataset))
    return [dataset.samples[int(i)] for i in order if dataset.samples[int(i)].split != "test"][:n]


def _surely_a_picture(sample: Sample) -> bool:
    """Whether it is of a kind that never holds bands, so that a photo is not decoded twice."""
    return str(sample.source).lower().endswith((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp"))
