"""The process that serves: a socket, uvicorn, and connections that cannot be held open for nothing."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import HANDLED_SIGNALS

from warmstart.errors import DataError
from warmstart.serving.limits import Limits

LOOPBACK = ("localhost", "127.0.0.1", "::1")
HEAD_TIME = 10.0
"""Seconds that a client has for the head of a request."""
MAX_HEAD = 2**15
"""Bytes of it."""
KEEP = 15
"""Seconds that a connection is kept after an answer."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("example.org")
    (True, True, False, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listening(host: str, port: int) -> socket.socket:
    """A socket there, before anything is loaded. Raises `DataError` where there can be none."""
    if not 0 <= port < 2**16:
        raise DataError(f"port {port}", expected="0 to 65535; 0 takes any that is free")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
        except BaseException:
            found.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"cannot listen on {host}, port {port}: {reason}", do="choose another --port; 0 takes any that is free"
        ) from error
    return found


class _Patient(H11Protocol):
    """A connection that is closed where the head of a request does not come in time."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect(HEAD_TIME)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._expect(KEEP + HEAD_TIME)

    def _expect(self, seconds: float) -> None:
        self.loop.call_later(seconds, self._late, self.cycle)

    def _late(self, cycle: object) -> None:
        if self.cycle is cycle and not self.transport.is_closing():
            self.transport.close()


def run(app: ASGIApp, bound: socket.socket, limits: Limits, started: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; what was admitted is answered first. `started` is called when it listens."""
    for name in ("uvicorn", "python_multipart"):  # of what clients do wrong they are told
        logging.getLogger(name).setLevel(logging.ERROR)
    config = uvicorn.Config(
        app,
        http=_Patient,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=4 * limits.max_requests,
        h11_max_incomplete_event_size=MAX_HEAD,
        timeout_keep_alive=KEEP,
        timeout_graceful_shutdown=int(limits.timeout) + 1,
    )
    server = _Server(config)
    server.told = started
    with bound:
        asyncio.run(server.serve(sockets=[bound]))


class _Server(uvicorn.Server):
    told: Callable[[], None]

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM end it in order, and that is no failure: uvicorn would raise them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.told()
