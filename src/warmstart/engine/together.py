"""Steps whose loss is one of all samples of a batch together, and exact also where they do not go in at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from warmstart.engine.feed import Feed
from warmstart.engine.memory import parts
from warmstart.engine.mix import jittered
from warmstart.engine.seeds import seed_generators
from warmstart.engine.stepper import Loss, Stepper

Stream = tuple[Feed, Tensor]
"""What a batch holds, and the feed that lifts it to the plan's cut."""


class TogetherStepper(Stepper):
    """Leaves the gradient of a loss that compares samples with each other."""

    divides: ClassVar[bool] = False

    def _propagated(self, streams: Sequence[Stream], loss_of: Callable[[Tensor], Tensor]) -> Loss:
        """Leave the gradient of `loss_of` what the suffix makes of all streams, in their order; returns the loss.

        Streams of one shape go through the suffix together. Where a batch does not fit into memory at once, gradient
        caching (Gao et al. 2021, section 3.2) is exact: what the suffix makes of the parts is computed without
        gradient, the loss gives the gradient of each, and then every part is computed again, with the same random
        numbers, and that is propagated. The last part is computed but once, for its graph is there when the loss is.
        """
        self.training.optimizer.zero_grad(set_to_none=True)
        micro, filled = self.training.progress.micro, [stream for stream in streams if len(stream[1])]
        if micro >= self.training.plan.batch_size:  # a batch may hold one or two samples more
            loss = loss_of(self._read(filled))
            self.accelerator.backward(loss)
        else:
            loss = self._cached(self._pieces(filled, micro * len(streams)), loss_of)
        return loss.detach()

    def _pieces(self, streams: Sequence[Stream], size: int) -> list[list[Stream]]:
        """The streams one after another, cut: a micro-batch is of as many samples of each stream."""
        least = self._least()
        return [[(feed, inputs[part])] for feed, inputs in streams for part in parts(len(inputs), size, least)]

    def _cached(self, pieces: Sequence[Sequence[Stream]], loss_of: Callable[[Tensor], Tensor]) -> Tensor:
        """Propagate the loss through one piece after another; returns it."""
        *seeds, last = torch.randint(2**31, (len(pieces),)).tolist()
        before = self._without_gradient(pieces[:-1], seeds)
        seed_generators(last, self.feed.device)
        loss = loss_of(torch.cat([*(one.requires_grad_() for one in before), self._read(pieces[-1])]))
        self.accelerator.backward(loss)
        for piece, seed, found in zip(pieces, seeds, before, strict=False):
            assert found.grad is not None
            seed_generators(seed, self.feed.device)
            product = (self._read(piece) * found.grad).sum()
            if product.requires_grad:  # not where all that trains is behind the suffix
                self.accelerator.backward(product)
        return loss

    def _read(self, streams: Sequence[Stream]) -> Tensor:
        """What the suffix makes of the streams."""
        jitter = self.training.plan.phase.jitter
        lifted = [jittered(feed.lift(inputs), jitter) for feed, inputs in streams]
        if len({one.shape[1:] for one in lifted}) == 1:
            lifted = [lifted[0] if len(lifted) == 1 else torch.cat(lifted)]
        return torch.cat([self.suffix(one) for one in lifted])

    def _without_gradient(self, pieces: Sequence[Sequence[Stream]], seeds: Sequence[int]) -> list[Tensor]:
        """The same of each piece; statistics of norms that train are left as they were."""
        buffers, found = self._moving_buffers(), []
        with torch.no_grad():
            for piece, seed in zip(pieces, seeds, strict=True):
                seed_generators(seed, self.feed.device)
                found.append(self._read(piece))
            for buffer, value in buffers:
                buffer.copy_(value)
        return found
