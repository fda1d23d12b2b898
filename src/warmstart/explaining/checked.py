"""The sanity check of a bundle's explanations, made once in a process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from warmstart.data.schema import Sample
from warmstart.errors import DataError, WarmstartError
from warmstart.explaining.asked import Asked, Pick
from warmstart.explaining.methods import Method
from warmstart.explaining.pace import coarsest, seconds_of
from warmstart.explaining.question import OF_INPUT, opened, posed
from warmstart.explaining.sanity import MAPS, Sanity, sanity
from warmstart.preprocess.text import TextSpec
from warmstart.shipping.bundle import Bundle

CHECKED = 4
"""Inputs that the sanity check is made with, at most: the golden samples of the bundle first, then those that are asked
about."""
TOKENS = 64
"""Of a text whose answer is one number, at most: what is checked is the method, which a long text shows no better."""
_KEPT = 32
_sanities: dict[tuple[str, ...], Sanity | None] = {}


def forget() -> None:
    """Make every check anew."""
    _sanities.clear()


def checked(
    bundle: Bundle,
    asked: Asked,
    name: str,
    way: Method,
    samples: Sequence[Sample],
    label: str | None,
    seconds: float | None,
) -> Sanity | None:
    """The check of a method, for one label, or for all where labels name a part of one input.

    `None` where there are too few places, and, with `seconds`, where it would take longer; it is made later then, with
    inputs that take less.
    """
    label = None if bundle.task.name in OF_INPUT else label
    weights = [bundle.manifest.files[member.weights] for member in bundle.manifest.members]
    key = (*weights, name, label or "")
    if key in _sanities:
        return _sanities[key]
    found = list(_inputs(bundle, asked, samples, label))
    rough = coarsest(way)
    if not found or (
        seconds is not None and MAPS * sum(seconds_of(rough, about, x) for about, _, x in found) > seconds
    ):
        return None
    while len(_sanities) >= _KEPT:
        del _sanities[next(iter(_sanities))]
    _sanities[key] = sanity(rough, found)
    return _sanities[key]


def _inputs(
    bundle: Bundle, asked: Asked, samples: Sequence[Sample], label: str | None
) -> Iterator[tuple[Asked, Pick, Tensor]]:
    left, of_input = CHECKED, bundle.task.name in OF_INPUT
    for sample in [*bundle.golden(), *samples]:
        try:
            as_read, x = opened(bundle, sample)
        except WarmstartError:
            continue
        x = x[:, :TOKENS] if isinstance(bundle.spec, TextSpec) and not of_input else x
        try:
            question = posed(bundle, asked, as_read, x, label)
        except DataError:
            if of_input:
                continue  # there is nothing in it to explain
            raise
        yield question.asked, question.chosen, question.x
        left -= 1
        if not left:
            return
