"""Which bands of a file a backbone takes: by name where both have names, else all of them in their order."""

from __future__ import annotations

import dataclasses
import re

import numpy as np

from warmstart.errors import BandsError
from warmstart.preprocess.bands import Bands, Header
from warmstart.preprocess.spec import PreprocessSpec

_COLOURS = {"RED": "B04", "GREEN": "B03", "BLUE": "B02"}


def canonical(name: str) -> str:
    """One spelling of a band: `B2` and ` b02` are the same, and the three colours are bands of Sentinel-2.

    >>> [canonical(name) for name in ("B2", " b02", "b8a", "red", "VV")]
    ['B02', 'B02', 'B8A', 'B04', 'VV']
    """
    upper = "".join(name.split()).upper()
    digits = re.fullmatch(r"B0*([0-9]+)", upper)
    return f"B{digits[1]:0>2}" if digits else _COLOURS.get(upper, upper)


def chosen(bands: Bands, spec: PreprocessSpec, name: str) -> Bands:
    """The bands that `spec` takes, in its order, under its names.

    Raises:
        BandsError: one is missing, or the number differs and there are no names.
    """
    if not spec.bands or not bands.names:
        check_number(bands.header, spec, name)
        return dataclasses.replace(bands, names=spec.bands or bands.names)
    places: dict[str, list[int]] = {}
    for i, found in enumerate(bands.names):
        places.setdefault(canonical(found), []).append(i)
    at = [places.get(canonical(wanted), []) for wanted in spec.bands]
    if missing := [wanted for wanted, found in zip(spec.bands, at, strict=True) if len(found) != 1]:
        raise BandsError(
            f"{name} has not one band each for {', '.join(missing)}: its bands are {', '.join(map(repr, bands.names))}",
            expected=f"{', '.join(spec.bands)}, in any order",
            do="name its bands so, or choose a backbone for those that it has",
        )
    order = [found[0] for found in at]
    values = bands.values if order == list(range(bands.values.shape[2])) else bands.values[:, :, order]
    return Bands(np.ascontiguousarray(values), spec.bands, bands.nodata)


def check_number(header: Header, spec: PreprocessSpec, name: str) -> None:
    """Raises `BandsError` unless there are as many bands as the backbone takes."""
    if header.channels == spec.channels:
        return
    takes = f"{spec.channels} ({', '.join(spec.bands)})" if spec.bands else str(spec.channels)
    by_name = "; or TIFF images whose bands have names, to choose by" if spec.bands else ""
    raise BandsError(
        f"{name} has {header}, and the backbone takes {takes}",
        expected=f"{takes} channels",
        do=f"choose a backbone for them: --backbone 'lite0?channels={header.channels}'{by_name}",
    )
