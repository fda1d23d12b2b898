"""Inputs whose words are answered for one by one: from a text to its words, and from tokens back to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from torch import Tensor

from warmstart.data.schema import Sample, Text
from warmstart.data.words import at_words, words_of
from warmstart.preprocess.kinds import Spec, of_texts


def in_words(samples: Sequence[Sample]) -> list[Sample]:
    """The samples with the texts that their words make, as texts were in training."""
    return [
        dataclasses.replace(sample, source=Text.of_words(words_of(sample.source)))
        if isinstance(sample.source, Text)
        else sample
        for sample in samples
    ]


def of_words(outputs: Tensor, samples: Sequence[Sample], spec: Spec) -> Tensor:
    """Outputs of tokens (n, length, k) as those of the words (n, most words, k) of `samples`, made by `in_words`."""
    found = of_texts(spec).encode_words([words_of(sample.source) for sample in samples])
    return at_words(outputs, [one.starts for one in found])
