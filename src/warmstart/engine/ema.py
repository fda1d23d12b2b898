"""Exponential moving average of the weights (Polyak and Juditsky 1992), its decay warmed up as TensorFlow does.

Averaged are the trained parameters and the floating-point buffers; what does not move is averaged with itself and stays
bit-identical, since `lerp` adds a multiple of a difference that is zero.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn


def moving_tensors(network: nn.Module) -> dict[str, Tensor]:
    """The tensors of a network that training can change, by state_dict name: trainable parameters and all buffers."""
    found = {name: p for name, p in network.named_parameters() if p.requires_grad}
    kept = network.state_dict(keep_vars=True)
    return found | {name: b for name, b in network.named_buffers() if name in kept}


class Average:
    """Average with decay `min(decay, (1 + t) / (10 + t))` after `t` updates; t = 0 gives the first weights a tenth.

    >>> layer = nn.Linear(1, 1, bias=False)
    >>> average = Average(layer, 0.999)
    >>> average.decay_at(0), round(average.decay_at(10**6), 3)
    (0.1, 0.999)
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.shadow = {name: t.detach().clone() for name, t in moving_tensors(network).items()}

    def decay_at(self, updates: int) -> float:
        """Weight of the old average at the given number of updates."""
        return min(self.decay, (1 + updates) / (10 + updates))

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the present weights; buffers that are not floating point (counters) are copied."""
        share = 1.0 - self.decay_at(self.updates)
        self.updates += 1
        live = moving_tensors(network)
        floats = [name for name, tensor in live.items() if tensor.is_floating_point()]
        if floats:  # on a GPU a few kernels, instead of one for each tensor
            torch._foreach_lerp_([self.shadow[name] for name in floats], [live[name] for name in floats], share)
        for name in live.keys() - set(floats):
            self.shadow[name].copy_(live[name])

    @contextlib.contextmanager
    def in_place_of(self, network: nn.Module) -> Iterator[None]:
        """The average as the network's weights for the length of a `with`; the weights come back bit-exact."""
        live = moving_tensors(network)
        kept = {name: tensor.detach().clone() for name, tensor in live.items()}
        with torch.no_grad():
            for name, tensor in live.items():
                tensor.copy_(self.shadow[name])
        try:
            yield
        finally:
            with torch.no_grad():
                for name, tensor in live.items():
                    tensor.copy_(kept[name])
