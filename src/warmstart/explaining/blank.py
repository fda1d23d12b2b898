"""Inputs that say nothing, and inputs of which a part is covered.

An image without information is the mean that normalisation takes off, which is zero for the network; a series is its
mean likewise, and what is covered of it a straight line between the ends. Of a text every token is the mask token, or
the one of padding where the tokenizer has none; tokens that the tokenizer adds at its ends stay.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from warmstart.preprocess.kinds import Spec
from warmstart.preprocess.series import SeriesSpec
from warmstart.preprocess.text import TextSpec

_NOTHING = ("[MASK]", "<mask>", "[PAD]", "<pad>", "<|endoftext|>", "</s>", "[UNK]", "<unk>")
"""Tokens that stand for no word, the best first."""


def blank(x: Tensor, spec: Spec) -> Tensor:
    """Inputs (n, ...) as the networks take them, without anything in them."""
    if not isinstance(spec, TextSpec):
        return torch.zeros_like(x)
    nothing, added = _special(spec)
    out = x.clone()
    numbers = out[..., 0]
    numbers[(numbers >= 0) & ~torch.isin(numbers, torch.tensor(added, dtype=numbers.dtype))] = nothing
    return out


def covered(x: Tensor, where: Tensor, spec: Spec) -> Tensor:
    """Inputs (n, ...) with nothing at some places: (n, side, side) of images, (n, channels, steps) of series, (n,
    tokens) of texts.
    """
    if isinstance(spec, SeriesSpec):
        return _bridged(x, where)
    over = where[:, None] if x.ndim == 4 else where[..., None]
    return torch.where(over, blank(x, spec), x)


def readable(x: Tensor, spec: Spec) -> Tensor:
    """Which places of one input (1, ...) hold something of it: all, but of a text only the tokens of its words.

    (side, side), (channels, steps) or (tokens,).
    """
    if isinstance(spec, TextSpec):
        added = _special(spec)[1]
        numbers = x[0, :, 0]
        return (numbers >= 0) & ~torch.isin(numbers, torch.tensor(added, dtype=numbers.dtype))
    return torch.ones(x.shape[2:] if x.ndim == 4 else x.shape[1:], dtype=torch.bool)


def _bridged(x: Tensor, where: Tensor) -> Tensor:
    out, steps = x.clone(), np.arange(x.shape[-1])
    for row, channel, hidden in zip(out.flatten(0, 1), x.flatten(0, 1), where.flatten(0, 1), strict=True):
        there = ~hidden.numpy()
        if there.any() and not there.all():
            row[hidden] = torch.from_numpy(
                np.interp(steps[~there], steps[there], channel.numpy()[there]).astype(channel.numpy().dtype)
            )
        elif not there.any():
            row[:] = channel.mean()
    return out


def _special(spec: TextSpec) -> tuple[int, tuple[int, ...]]:
    return _of_tokenizer(spec.tokenizer, spec.size)


@functools.lru_cache(maxsize=4)
def _of_tokenizer(content: str, size: int) -> tuple[int, tuple[int, ...]]:
    """The token that says nothing, and those that are no part of a text."""
    tokenizer = TextSpec(size=size, tokenizer=content).opened(size)
    found = (number for name in _NOTHING if (number := tokenizer.token_to_id(name)) is not None)
    added = tuple(number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special)
    return next(found, 0), added
