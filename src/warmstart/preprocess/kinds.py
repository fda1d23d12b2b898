"""The kinds of preprocessing there are, one for each kind of input."""

from __future__ import annotations

from warmstart.errors import BackboneError
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.text import TextSpec

Spec = PreprocessSpec | TextSpec


def of_images(spec: Spec) -> PreprocessSpec:
    """The spec, which must be one of images.

    Raises:
        BackboneError: it is one of texts.

    >>> of_images(PreprocessSpec()).channels
    3
    """
    if isinstance(spec, PreprocessSpec):
        return spec
    raise BackboneError("the backbone reads texts", expected="one for images", do="`warmstart backbones` lists them")


def of_texts(spec: Spec) -> TextSpec:
    """The spec, which must be one of texts.

    Raises:
        BackboneError: it is one of images.
    """
    if isinstance(spec, TextSpec):
        return spec
    raise BackboneError(
        "the backbone reads images", expected="one for texts, such as minilm", do="`warmstart backbones` lists them"
    )
