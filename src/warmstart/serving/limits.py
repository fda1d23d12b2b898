"""What the service takes at most. Each limit has an answer of its own, in words, and none ends the service."""

from __future__ import annotations

import dataclasses

from warmstart.errors import DataError


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds on requests, on what waits, and on time.

    >>> Limits(max_inputs=64, max_queue=8)
    Traceback (most recent call last):
    warmstart.errors.DataError: max_queue of 8 is less than max_inputs of 64
    Expected: room for one whole request
    """

    max_body: int = 32_000_000
    """Bytes of the body of a request (413)."""
    max_inputs: int = 64
    """Inputs of one request (413)."""
    max_queue: int = 256
    """Inputs that wait or are being answered (429)."""
    max_requests: int = 128
    """Requests at a time, those that are still being sent among them (503)."""
    max_batch: int = 32
    """Inputs that go through the network together."""
    max_wait: float = 0.003
    """Seconds that a batch which is not full waits for more."""
    timeout: float = 30.0
    """Seconds until an answer (504)."""
    read_timeout: float = 20.0
    """Seconds that a client has to send its request (408), and to take its answer."""
    max_text: int = 200_000
    """Characters of one text (422)."""

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if not value > 0 and name != "max_wait":
                raise DataError(f"{name} of {value}", expected="more than 0")
        if self.max_queue < self.max_inputs:
            raise DataError(
                f"max_queue of {self.max_queue} is less than max_inputs of {self.max_inputs}",
                expected="room for one whole request",
            )

    @property
    def max_held(self) -> int:
        """Bytes of bodies that are held at a time, of all requests together."""
        return 8 * self.max_body
