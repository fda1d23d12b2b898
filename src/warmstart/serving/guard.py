"""What stands before the application: it lets in what is addressed to it, allowed, small enough and sent in time.

A pure ASGI layer, so that nothing reads a body before its size is bounded, also where the client does not say it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import time
from collections.abc import Awaitable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from warmstart.serving.limits import Limits
from warmstart.serving.metrics import Metrics
from warmstart.serving.problems import Problem, fault

_log = logging.getLogger("warmstart.serving")

OPEN = ("/", "/v1/health", "/v1/ready")
"""What needs no token, beside the files of the page: it tells nothing of the model."""
LINGER = 5.0
"""Seconds that the rest of a refused request is taken and thrown away, so that its sender can read why."""
GONE = 499
"""What a request is counted as whose client did not wait for the answer."""
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """The application behind its limits.

    Args:
        app: what answers.
        limits: of body, requests and time.
        metrics: what counts.
        token: what `Authorization: Bearer` must say; `None` asks for none.
        hosts: names that it may be called by, against DNS rebinding; empty takes any.
    """

    def __init__(
        self, app: ASGIApp, limits: Limits, metrics: Metrics, *, token: str | None = None, hosts: tuple[str, ...] = ()
    ) -> None:
        self._app, self._limits, self._metrics = app, limits, metrics
        self._token = None if token is None else token.encode()
        self._hosts = frozenset(hosts)
        self._held = self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, from its head to the end of its answer; `lifespan` goes through."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        answer = _Answer(send, self._limits.read_timeout)
        began, self._requests = time.perf_counter(), self._requests + 1
        try:
            await self._guarded(scope, receive, answer)
        finally:
            self._requests -= 1
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.request(route, answer.status or GONE, time.perf_counter() - began)

    async def _guarded(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        body = _Body(receive)
        try:
            self._admit(scope)
            content = await self._read(Headers(scope=scope), body)
            try:
                await _while_there(self._app(scope, _replayed(content), answer), receive)
            finally:
                self._held -= len(content)
        except Problem as problem:
            if not body.whole:
                await body.discard(LINGER)
                problem.headers["Connection"] = "close"
            await problem.response()(scope, receive, answer)
        except Exception:
            _log.exception("a request failed")
            if not answer.status:
                await fault().response()(scope, receive, answer)

    def _admit(self, scope: Scope) -> None:
        """Raise `Problem` for a request that is not to be looked at further."""
        headers = Headers(scope=scope)
        if self._requests > self._limits.max_requests:
            raise self._refused("requests", Problem(503, "too many requests at a time", headers={"Retry-After": "1"}))
        host = headers.get("host", "")
        if self._hosts and _hostname(host) not in self._hosts:
            expected = ", ".join(sorted(self._hosts))
            raise self._refused("host", Problem(400, "the Host header names another host", expected=expected))
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise self._refused("origin", Problem(403, "a page of another site asks", "the page of this service"))
        path: str = scope["path"]
        if self._token is None or path in OPEN or path.startswith("/static/"):
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            problem = Problem(
                401,
                "no token, or another one",
                expected="the header `Authorization: Bearer TOKEN`",
                headers={"WWW-Authenticate": "Bearer"},
            )
            raise self._refused("token", problem)

    async def _read(self, headers: Headers, body: _Body) -> bytes:
        """The whole body. Raises `Problem` (408, 413, 503) as soon as it is too large, too slow or too much."""
        if "content-length" not in headers and "transfer-encoding" not in headers:
            body.whole = True
            return b""
        said = headers.get("content-length", "0")
        self._fits(int(said) if said.isascii() and said.isdecimal() else 0, 0)
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.read_timeout):
                while not body.whole:
                    part = await body.next()
                    size += len(part)
                    self._fits(size, len(part))
                    self._held += len(part)
                    parts.append(part)
        except BaseException as error:
            self._held -= sum(map(len, parts))
            if isinstance(error, TimeoutError):
                seconds = f"{self._limits.read_timeout:g} s"
                raise self._refused("slow", Problem(408, f"the request was not whole after {seconds}")) from None
            raise
        return b"".join(parts)

    def _fits(self, size: int, more: int) -> None:
        if size > self._limits.max_body:
            most = f"at most {self._limits.max_body} bytes"
            raise self._refused("body", Problem(413, "the body is too large", most, "send less at a time"))
        if self._held + (more or size) > self._limits.max_held:
            raise self._refused("memory", Problem(503, "too much is being sent", headers={"Retry-After": "1"}))

    def _refused(self, reason: str, problem: Problem) -> Problem:
        self._metrics.rejected.labels(reason).inc()
        return problem


class _Body:
    """The body of a request, part by part."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.whole = False

    async def next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.whole = True
            raise Problem(400, "the request ends before it is whole")
        self.whole = not message.get("more_body", False)
        part: bytes = message.get("body", b"")
        return part

    async def discard(self, seconds: float) -> None:
        """Take what is left of it, for so long."""
        try:
            async with asyncio.timeout(seconds):
                while not self.whole:
                    await self.next()
        except (TimeoutError, Problem):
            return


class _Answer:
    """`send` with the headers of the house, for as long as the client takes what is sent."""

    def __init__(self, send: Send, seconds: float) -> None:
        self._send, self._seconds = send, seconds
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        async with asyncio.timeout(self._seconds):
            await self._send(message)


def _replayed(content: bytes) -> Receive:
    """`receive` for a body that was read."""
    waiting = [content]

    async def replay() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await asyncio.Future()

    return replay


async def _while_there(answering: Awaitable[None], receive: Receive) -> None:
    """Answer for as long as the client waits: nothing is computed for one that is gone."""
    answer, gone = asyncio.ensure_future(answering), asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        if not answer.done():
            answer.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await answer


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _hostname(host: str) -> str:
    """The name in a Host header, without the port.

    >>> _hostname("LOCALHOST:8000"), _hostname("[::1]:8000"), _hostname("127.0.0.1")
    ('localhost', '::1', '127.0.0.1')
    """
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
