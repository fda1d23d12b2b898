"""`backbones`: the pretrained networks that can be asked for by name."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

from warmstart.display import Rows
from warmstart.errors import BackboneError
from warmstart.model.catalog import list_backbones

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "G": 10**9}


class Backbones(Rows[dict[str, Any]]):
    """Rows of the table of backbones; a notebook shows what one chooses by."""

    title = "Backbones"

    def cells(self, one: dict[str, Any]) -> dict[str, Any]:
        """Name, size and licence, and whether it can be used at once."""
        keys = ("name", "modality", "parameters", "size", "licence", "trained_on", "here")
        return {key: "yes" if one[key] is True else "" if one[key] is False else one[key] for key in keys}


def backbones(
    *,
    task: str | None = None,
    modality: str | None = None,
    max_params: str | int | None = None,
    licence: str | None = None,
    offline: bool = False,
) -> list[dict[str, Any]]:
    """One dict per backbone, from a table in the package: nothing is loaded, and no network is asked.

    Args:
        task: only those that can be used for it: `"classify"`.
        modality: only those that read such inputs: `"image"`, `"text"`.
        max_params: only those with at most so many parameters: `"30M"`.
        licence: only those whose weights are under this licence; a pattern such as `"cc-by*"`, in any case.
        offline: only those whose weights are on this machine already.

    Returns:
        Dicts with the keys of `warmstart.model.table.Row`, and `here` and `restricted`. Parameters and operations are
        those of the network without its classifier, for one image of `size` pixels; two operations per multiply-add. Of
        those for texts `size` is the number of tokens that are read, of those for series that of steps.

    Raises:
        BackboneError: nothing has such a task or modality, or `max_params` is no number.

    >>> [row["name"] for row in backbones(max_params="4M", modality="image") if row["here"]]
    ['lite0', 'toy']
    """
    rows = list_backbones()
    _check("task", task, {name for row in rows for name in row["tasks"]})
    _check("modality", modality, {row["modality"] for row in rows})
    most = None if max_params is None else parameters(max_params)
    return Backbones(
        row
        for row in rows
        if (task is None or task in row["tasks"])
        and (modality is None or modality == row["modality"])
        and (most is None or (row["parameters"] is not None and row["parameters"] <= most))
        and (licence is None or fnmatch.fnmatch(row["licence"].lower(), licence.lower()))
        and (not offline or row["here"])
    )


def parameters(text: str | int) -> int:
    """A number of parameters.

    >>> parameters("30M"), parameters("1.5B"), parameters(4096)
    (30000000, 1500000000, 4096)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMBG]?)", str(text).strip().upper())
    if found is None:
        raise BackboneError(f"{text!r} is no number of parameters", expected="a number such as 30M, 1.5B or 4096")
    return round(float(found[1]) * _UNITS[found[2]])


def _check(what: str, asked: str | None, known: set[str]) -> None:
    if asked is not None and asked not in known:
        raise BackboneError(f"no backbone has the {what} {asked!r}", expected=f"one of {', '.join(sorted(known))}")
