"""The kinds of preprocessing there are, one for each kind of input."""

from __future__ import annotations

from typing import Literal

from warmstart.errors import BackboneError
from warmstart.preprocess.series import SeriesSpec
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.text import TextSpec

Spec = PreprocessSpec | TextSpec | SeriesSpec
Kind = Literal["image", "text", "series"]
PLURAL: dict[Kind, str] = {"image": "images", "text": "texts", "series": "series"}
"""What several of a kind are called."""
UNIT: dict[Kind, str] = {"image": "pixels", "text": "tokens", "series": "steps"}
"""What the size of one is counted in."""

_READS = {"image": "images", "text": "texts", "series": "time series"}
_SUCH_AS = {"image": "lite0", "text": "minilm", "series": "series"}


def of_images(spec: Spec) -> PreprocessSpec:
    """The spec, which must be one of images.

    Raises:
        BackboneError: it is one of something else.

    >>> of_images(PreprocessSpec()).channels
    3
    """
    if isinstance(spec, PreprocessSpec):
        return spec
    raise _other(spec, "image")


def of_texts(spec: Spec) -> TextSpec:
    """The spec, which must be one of texts.

    Raises:
        BackboneError: it is one of something else.
    """
    if isinstance(spec, TextSpec):
        return spec
    raise _other(spec, "text")


def of_series(spec: Spec) -> SeriesSpec:
    """The spec, which must be one of time series.

    Raises:
        BackboneError: it is one of something else.
    """
    if isinstance(spec, SeriesSpec):
        return spec
    raise _other(spec, "series")


def _other(spec: Spec, wanted: str) -> BackboneError:
    return BackboneError(
        f"the backbone reads {_READS[spec.kind]}",
        expected=f"one for {_READS[wanted]}, such as {_SUCH_AS[wanted]}",
        do="`warmstart backbones` lists them",
    )
