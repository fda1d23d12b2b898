"""What a stretch of a network costs for one sample, counted on a copy without weights (torch's meta device).

Only shapes are computed, so this is the same on every machine and takes no memory worth speaking of.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from warmstart.errors import RecipeError
from warmstart.model.backbone import Backbone


@dataclasses.dataclass(frozen=True)
class Profile:
    """Cost of one sample, forward."""

    flops: int  # two per multiply-add
    bytes: int  # of all activations made on the way, what a backward pass may need
    peak: int  # of the largest of them


_known: dict[tuple[object, ...], Profile] = {}


def profile(backbone: Backbone, start: int, stop: int, size: int) -> Profile:
    """Cost from cut `start` to cut `stop` at `size` x `size` pixels, per sample; counted once per architecture.

    Raises:
        RecipeError: the network cannot read images of that size.
    """
    if start == stop:
        return Profile(0, 0, 0)
    chain, card = backbone.chain, backbone.card
    key = (card.architecture, card.parameters, len(chain.cuts), start, stop, size)
    if key not in _known:
        try:
            shape = (chain.channels, size, size) if start == 0 else chain.activation_shape(start, size)
            _known[key] = _count(backbone, start, stop, shape)
        except (RuntimeError, AssertionError, ValueError) as error:
            own = backbone.preprocess.size
            raise RecipeError(
                f"{card.name} cannot read images of {size} x {size} pixels ({error})",
                expected=f"a size the network accepts; its own is {own}",
                do=f"set the size to {own}, or leave it out",
            ) from error
    return _known[key]


def _count(backbone: Backbone, start: int, stop: int, shape: tuple[int, ...]) -> Profile:
    ghost = copy.copy(backbone.chain)
    ghost.module = _weightless(backbone.chain.module).eval()
    tally, counter = _Tally(), FlopCounterMode(display=False)
    with torch.no_grad(), counter, tally:
        ghost.segment(start, stop)(torch.empty(1, *shape, device="meta"))
    return Profile(counter.get_total_flops(), tally.bytes, tally.peak)


def _weightless(module: nn.Module) -> nn.Module:
    """A deep copy whose parameters and buffers have shapes and no data; the original's are never copied."""
    memo: dict[int, Any] = {}
    for parameter in module.parameters():
        memo[id(parameter)] = nn.Parameter(parameter.detach().to("meta"), requires_grad=False)
    for buffer in module.buffers():
        memo[id(buffer)] = buffer.detach().to("meta")
    return copy.deepcopy(module, memo)


class _Tally(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves its hooks untyped
    """Adds up the bytes of every new tensor (views and in-place results are none)."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = self.peak = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        results = out if isinstance(out, tuple | list) else (out,)
        for result, returns in zip(results, func._schema.returns, strict=False):
            if isinstance(result, Tensor) and returns.alias_info is None:
                n = result.numel() * result.element_size()
                self.bytes, self.peak = self.bytes + n, max(self.peak, n)
        return out
