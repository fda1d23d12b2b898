"""Batches on their way to a device, and what was computed on their way back, without making the host wait.

A GPU works behind the host. A copy from memory that is pinned runs beside computing, on a stream of its own, and the
host goes on; so while a batch is computed with, the next one travels. On a CPU nothing is copied: a batch is handed
through as it is.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from warmstart.data.batches import Batch

UNREAD = 2
"""Results that are on their way back while further ones are computed."""


class Batches(Protocol):
    """What gives batches, and knows how many there are."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Batch]: ...


class Copies(Protocol):
    """How tensors get onto a device and back while both sides go on working."""

    def onto(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Copies on the device, in order before whatever is asked of it next."""
        ...

    def back(self, tensor: Tensor) -> tuple[Tensor, Callable[[], Any]]:
        """A copy on the host that is not yet filled, and what waits until it is."""
        ...


class Streamed:
    """`Copies` of a CUDA device: pinned memory, and a stream beside the one that computes."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._going = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._coming = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def onto(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """See `Copies`. Memory is not given to another tensor before the copy has been used (`record_stream`)."""
        pinned = [tensor if tensor.is_cuda or tensor.is_pinned() else tensor.pin_memory() for tensor in tensors]
        with torch.cuda.stream(self._going):
            found = [tensor.to(self._device, non_blocking=True) for tensor in pinned]
        computing = torch.cuda.current_stream(self._device)
        computing.wait_stream(self._going)
        for tensor in found:
            tensor.record_stream(computing)
        return found

    def back(self, tensor: Tensor) -> tuple[Tensor, Callable[[], Any]]:
        """See `Copies`."""
        self._coming.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._coming):
            landed = torch.empty_like(tensor, device="cpu", pin_memory=True)
            landed.copy_(tensor, non_blocking=True)
            done = torch.cuda.Event()  # type: ignore[no-untyped-call]
            done.record(self._coming)
        tensor.record_stream(self._coming)
        return landed, done.synchronize


class Plain:
    """`Copies` of any other device: each is there when the call returns."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def onto(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """See `Copies`."""
        return [tensor.to(self._device) for tensor in tensors]

    def back(self, tensor: Tensor) -> tuple[Tensor, Callable[[], Any]]:
        """See `Copies`."""
        return tensor.cpu(), lambda: None


def copies(device: torch.device) -> Copies:
    """How tensors get to a device and back."""
    return _streamed(device) if device.type == "cuda" else Plain(device)


@functools.cache
def _streamed(device: torch.device) -> Streamed:
    """The same streams throughout: torch keeps freed memory for the stream that had it, and for no other."""
    return Streamed(device)


class Onto:
    """Batches whose inputs and targets are on a device; `index` stays with the host, which looks samples up by it.

    Args:
        batches: on the host.
        device: where they go; for a CPU they are handed through.
        finish: what is made of the inputs there (pixels are normalised).
    """

    def __init__(
        self,
        batches: Batches,
        device: torch.device,
        finish: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self._batches, self._device, self._finish = batches, device, finish

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        if self._device.type == "cpu":
            yield from map(self._finished, self._batches)
            return
        way = copies(self._device)
        for batch in self._batches:
            inputs, targets = way.onto([batch.inputs, batch.targets])
            yield self._finished(dataclasses.replace(batch, inputs=inputs, targets=targets))

    def _finished(self, batch: Batch) -> Batch:
        return batch if self._finish is None else dataclasses.replace(batch, inputs=self._finish(batch.inputs))


class Landing:
    """Takes results off a device, each a little later than it was given, so that the device never runs dry.

    >>> got: list[float] = []
    >>> landing = Landing(torch.device("cpu"))
    >>> for value in (1.0, 2.0):
    ...     landing.take(torch.tensor(value), lambda x: got.append(float(x)))
    >>> landing.settle()
    >>> got
    [1.0, 2.0]
    """

    def __init__(self, device: torch.device, unread: int = UNREAD) -> None:
        self._way, self._unread = copies(device), 0 if device.type == "cpu" else unread
        self._flying: deque[tuple[Tensor, Callable[[], Any], Callable[[Tensor], Any]]] = deque()

    def take(self, tensor: Tensor, then: Callable[[Tensor], Any]) -> None:
        """Hand `tensor` to `then`, on the host, in the order in which they were taken; at the latest when settled."""
        landed, wait = self._way.back(tensor)
        self._flying.append((landed, wait, then))
        while len(self._flying) > self._unread:
            self._land()

    def settle(self) -> None:
        """Wait for all that is under way."""
        while self._flying:
            self._land()

    def drop(self) -> None:
        """Forget all that is under way."""
        self._flying.clear()

    def _land(self) -> None:
        landed, wait, then = self._flying.popleft()
        wait()
        then(landed)
