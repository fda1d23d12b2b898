"""What a stretch of a network costs for one sample: the same on every machine.

Of images and series it is counted on a copy without weights (torch's meta device), where only shapes are computed; one
text is computed, of the greatest length.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from warmstart.errors import RecipeError
from warmstart.model.backbone import Backbone
from warmstart.model.inputs import Tokens
from warmstart.model.modes import evaluating


@dataclasses.dataclass(frozen=True)
class Profile:
    """Cost of one sample, forward."""

    flops: int  # two per multiply-add
    bytes: int  # of all activations made on the way, what a backward pass may need
    peak: int  # of the largest of them


_known: dict[tuple[object, ...], Profile] = {}


def profile(backbone: Backbone, start: int, stop: int, size: int) -> Profile:
    """Cost from cut `start` to cut `stop` at `size` (pixels a side, tokens), per sample; counted once per architecture.

    Raises:
        RecipeError: the network cannot read inputs of that size.
    """
    if start == stop:
        return Profile(0, 0, 0)
    chain, card = backbone.chain, backbone.card
    key = (card.architecture, card.parameters, backbone.maps, len(chain.cuts), start, stop, size)
    if key not in _known:
        try:
            _known[key] = _count(backbone, start, stop, size)
        except (RuntimeError, AssertionError, ValueError) as error:
            own = backbone.spec.size
            raise RecipeError(
                f"{card.name} cannot read {chain.inputs.noun} of size {size} ({error})",
                expected=f"a size the network accepts; its own is {own}",
                do=f"set the size to {own}, or leave it out",
            ) from error
    return _known[key]


def _count(backbone: Backbone, start: int, stop: int, size: int) -> Profile:
    chain, ghost = backbone.chain, copy.copy(backbone.chain)
    if not isinstance(chain.inputs, Tokens):  # a text is as long as its mask says, which takes numbers
        ghost.module = _weightless(chain.module).eval()
    x = chain.inputs.example(1, size, ghost.module)
    if start:
        shape = chain.activation_shape(start, size)
        x = torch.ones(1, *shape, device=x.device)
    tally, counter = _Tally(), FlopCounterMode(display=False, custom_mapping=_UNKNOWN)
    with evaluating(ghost.module), _still(ghost.module), torch.no_grad(), counter, tally:
        ghost.segment(start, stop)(x)
    return Profile(counter.get_total_flops(), tally.bytes, tally.peak)


def _attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """Operations of attention, of the shapes of what it is given; masked pairs are counted, for they are computed."""
    return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]


_UNKNOWN = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention}
"""What torch's counter knows on a GPU alone: minilm would have 11 % fewer operations at 256 tokens."""


@contextlib.contextmanager
def _still(module: nn.Module) -> Iterator[None]:
    """No weight asks for a gradient for a while: the counter stumbles over one that a module is called with."""
    flags = [(parameter, parameter.requires_grad) for parameter in module.parameters()]
    try:
        for parameter, _ in flags:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter, flag in flags:
            parameter.requires_grad_(flag)


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
