"""What a network takes: one input by its size, for whoever needs shapes and times and no data."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Protocol

import torch
from torch import Tensor, nn


def weight_of(module: nn.Module) -> Tensor:
    """A tensor of the type and on the device that inputs of `module` should have: its first parameter, of a network
    that has none its first buffer of floats.

    >>> weight_of(nn.BatchNorm1d(2, affine=False)).dtype
    torch.float32
    """
    buffers = (buffer for buffer in module.buffers() if buffer.is_floating_point())
    return next(itertools.chain(module.parameters(), buffers), torch.empty(0))


class Inputs(Protocol):
    """A kind of input."""

    @property
    def noun(self) -> str:
        """What an input is called, in the plural."""
        ...

    def example(self, n: int, size: int, module: nn.Module) -> Tensor:
        """`n` inputs for `module` whose values do not matter, on its device."""
        ...


@dataclasses.dataclass(frozen=True)
class Images:
    """Float images (n, channels, size, size)."""

    channels: int
    noun: str = "images"

    def example(self, n: int, size: int, module: nn.Module) -> Tensor:
        """Zeros of the type of the weights.

        >>> Images(3).example(2, 8, nn.Linear(1, 1)).shape
        torch.Size([2, 3, 8, 8])
        """
        weight = weight_of(module)
        return torch.zeros(n, self.channels, size, size, dtype=weight.dtype, device=weight.device)


@dataclasses.dataclass(frozen=True)
class Tokens:
    """Whole numbers (n, size, 2): the token, and which text of a pair it is of; texts are as long as they may be."""

    noun: str = "texts"

    def example(self, n: int, size: int, module: nn.Module) -> Tensor:
        """Some tokens that every vocabulary has.

        >>> Tokens().example(2, 8, nn.Linear(1, 1)).shape
        torch.Size([2, 8, 2])
        """
        weight = weight_of(module)
        tokens = torch.zeros(n, size, 2, dtype=torch.long, device=weight.device)
        tokens[..., 0] = torch.arange(1, size + 1, device=weight.device) % 7 + 1
        return tokens


@dataclasses.dataclass(frozen=True)
class Steps:
    """Float series (n, channels, size): so many values at each of `size` steps in time."""

    channels: int
    noun: str = "series"

    def example(self, n: int, size: int, module: nn.Module) -> Tensor:
        """Zeros of the type of the weights.

        >>> Steps(2).example(3, 8, nn.Linear(1, 1)).shape
        torch.Size([3, 2, 8])
        """
        weight = weight_of(module)
        return torch.zeros(n, self.channels, size, dtype=weight.dtype, device=weight.device)


def inputs_like(example: Tensor) -> Inputs:
    """The kind of input that an example (n, channels, ...) of floats is."""
    return Images(example.shape[1]) if example.ndim == 4 else Steps(example.shape[1])
