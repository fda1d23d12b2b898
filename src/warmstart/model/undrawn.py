"""Networks built without drawing their weights, where all of them are read from a file next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_INITIALISERS = frozenset(
    {nn.init.normal_, nn.init.uniform_, nn.init.kaiming_normal_, nn.init.kaiming_uniform_}
    | {nn.init.xavier_normal_, nn.init.xavier_uniform_}
)
"""Those that show themselves to a mode; others are seen by what they call."""
_METHODS = frozenset({Tensor.normal_, Tensor.uniform_})
"""Whose first number, mean or least, is one that could have been drawn."""


class Undrawn(TorchFunctionMode):
    """In a `with` block parameters are filled with a number where they would be drawn at random.

    Drawing the weights of a small BERT takes as long as reading them. It holds for this thread alone (a mode of
    torch's, no patch of it), and for parameters alone: buffers may not be in the file. The number is one that could
    have been drawn, as some draw again until all weights lie within bounds.

    >>> with Undrawn():
    ...     layer = nn.Linear(2, 1)
    >>> layer.weight.tolist()
    [[0.0, 0.0]]
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Fill what would be drawn; all else as ever."""
        named = kwargs or {}
        if func in _INITIALISERS or func in _METHODS:
            drawn, *rest = (*args, *named.values())
            if isinstance(drawn, nn.Parameter):
                with torch.no_grad():
                    return drawn.fill_(rest[0] if rest and func in _METHODS else 0.0)
        return func(*args, **named)
