"""From what a client sent to samples, by the readers that `fit` and `predict` have. Nothing is fetched and no path of a
client's is opened: a name is only ever shown.
"""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.data.futures import ForecastTarget
from warmstart.data.schema import Sample, Series, Text
from warmstart.data.sources import load_inputs
from warmstart.data.sources.ahead import forecast_inputs
from warmstart.errors import DataError, WarmstartError
from warmstart.preprocess.series import SeriesSpec
from warmstart.serving.packed import series_of
from warmstart.serving.problems import Problem
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.reading import Ready

ENDINGS = {"text": (".txt", ".csv", ".tsv", ".jsonl"), "series": (".csv", ".tsv", ".ts")}
"""Of files that are read from a copy; what is compressed is left out, for it may be larger than it seems."""
PACKED = ".npy"
"""Of a file with an array of series, which is read where it lies."""
_LONGEST_NAME = 200


def shown_name(name: str, number: int) -> str:
    r"""The last part of a file's name, as it may be shown.

    >>> shown_name("..\\secret/../a\x1b[2Jb.png", 1), shown_name("/", 2)
    ('a[2Jb.png', 'file 2')
    """
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
    return kept.strip()[-_LONGEST_NAME:] or f"file {number}"


def of_files(
    bundle: Bundle, files: Sequence[tuple[str, bytes]], most: int, text_column: str | None = None
) -> list[Sample]:
    """A sample for each image, text or series in the files. One that cannot be read is `Ready` with its error.

    Args:
        bundle: what is to answer.
        files: name, as it was sent, and content of each.
        most: series in an array; `Problem` (413) where there are more.
        text_column: of tables of texts.
    """
    named = [(shown_name(name, i), content) for i, (name, content) in enumerate(files, start=1)]
    if bundle.spec.kind == "image":
        return [Sample(name, content) for name, content in named]
    alone = len(named) == 1
    return [
        sample
        for name, content in named
        for sample in (
            _packed(bundle, name, content, most)
            if bundle.spec.kind == "series" and name.lower().endswith(PACKED)
            else _read(bundle, name, content, text_column, alone=alone)
        )
    ]


def _packed(bundle: Bundle, name: str, content: bytes, most: int) -> list[Sample]:
    """The samples in an array of series, which is not copied."""
    try:
        found = series_of(content, name, most)
        if isinstance(target := bundle.manifest.target, ForecastTarget):
            ahead = forecast_inputs(target, _histories(found))
            return [Sample(f"{name} {i}", one.source) for i, one in enumerate(ahead, start=1)]
    except WarmstartError as error:
        return [Sample(name, Ready(error))]
    return [Sample(f"{name} {i}", one) for i, one in enumerate(found, start=1)]


def _histories(series: Sequence[Series]) -> list[Any]:
    """Series as what is to be forecast is given."""
    return [one.values[0] if len(one.values) == 1 else one.values for one in series]


def _read(bundle: Bundle, name: str, content: bytes, text_column: str | None, *, alone: bool) -> list[Sample]:
    """The samples in a file of texts or series."""
    endings = ENDINGS[bundle.spec.kind]
    end = Path(name).suffix.lower()
    if end not in endings:
        named = (*endings, PACKED) if bundle.spec.kind == "series" else endings
        return [Sample(name, Ready(DataError(f"{name} is no such file", expected=f"a file {', '.join(named)}")))]
    with tempfile.TemporaryDirectory(prefix="warmstart-") as folder:
        path = Path(folder) / f"sent{end}"
        path.write_bytes(content)
        try:
            samples = _of_path(bundle, path, text_column)
        except WarmstartError as error:
            where = path.as_posix()
            told = [part.replace(where, name) for part in (error.found, error.expected, error.do)]
            return [Sample(name, Ready(DataError(*told)))]
        prefix = "" if alone else f"{name} "
        return [Sample(name if s.id == path.as_posix() else f"{prefix}{s.id}", s.source) for s in samples]


def _of_path(bundle: Bundle, path: Path, text_column: str | None) -> Sequence[Sample]:
    spec, target = bundle.spec, bundle.manifest.target
    if isinstance(target, ForecastTarget):
        return forecast_inputs(target, path)
    channels = spec.channels if isinstance(spec, SeriesSpec) else None
    return load_inputs([path], kind=spec.kind, text_column=text_column, channels=channels)


def of_texts(texts: Sequence[str | list[str]], most: int) -> list[Sample]:
    """A sample for each text or pair; one of more than `most` characters cannot be read."""
    return [_text(f"text {i}", text, most) for i, text in enumerate(texts, start=1)]


def _text(name: str, text: str | list[str], most: int) -> Sample:
    parts = (text,) if isinstance(text, str) else tuple(text)
    if (long := max(map(len, parts))) > most:
        return Sample(name, Ready(DataError(f"{name} has {long} characters", expected=f"at most {most}")))
    return Sample(name, Text(parts))


def of_series(bundle: Bundle, series: Sequence[Any]) -> list[Sample]:
    """A sample for each series: steps, or channels of steps, `None` where a value is missing; `Problem` (422) else."""
    target = bundle.manifest.target
    try:
        # Each is of numbers and nothing else, by `warmstart.serving.asked`.
        arrays = [np.array(one, dtype=np.float64) for one in series]
        found = [Series(one if one.ndim == 2 else one[None]) for one in arrays]
        if isinstance(target, ForecastTarget):
            return list(forecast_inputs(target, _histories(found)))
    except WarmstartError as error:
        raise Problem(422, error.found, error.expected, error.do, kind=type(error).__name__) from None
    except ValueError:
        raise Problem(422, "channels of unequal lengths", expected="a value, or null, for each step") from None
    return [Sample(f"series {i}", one) for i, one in enumerate(found, start=1)]
