"""Train and eval flags: set for a while, then put back exactly, module by module; and whether a graph is being made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


@contextlib.contextmanager
def evaluating(module: nn.Module) -> Iterator[nn.Module]:
    """Put `module` in eval mode for the length of a `with` block, then restore the flag of every submodule.

    `module.train()` afterwards would not do: it also switches on what a phase keeps in eval mode (frozen batch norm).

    >>> layer = nn.Sequential(nn.Dropout(), nn.Linear(2, 1)).train()
    >>> _ = layer[0].eval()
    >>> with evaluating(layer):
    ...     layer[1].training
    False
    >>> layer[0].training, layer[1].training
    (False, True)
    """
    flags = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield module
    finally:
        for part, flag in flags:
            part.training = flag


def traced() -> bool:
    """Whether the forward pass that runs is written down as a graph, for inputs of any number and length.

    >>> traced()
    False
    """
    tracing: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return tracing or torch.compiler.is_exporting()
