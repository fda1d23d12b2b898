"""Clients that mean harm or know no better, each followed by a good one that must be answered."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable

from benchmarks.serving_load import BOUNDARY, answer, form, request

BURST = 300
"""Requests at once."""
HUGE = 64 * 2**20
"""Bytes, twice what is taken."""
LATEST = 60.0


def bomb() -> bytes:
    """A PNG of a few hundred bytes that says it has 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 10_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


async def _sent(port: int, content: bytes) -> str:
    """The status of what is sent at once, or that the connection was closed."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(content)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        status, body = await asyncio.wait_for(answer(reader), LATEST)
        writer.close()
    except (ConnectionError, asyncio.IncompleteReadError):
        return "closed"
    return f"{status}{' with a traceback' if b'Traceback' in body else ''}"


async def _chunked(port: int) -> str:
    """A body without a length that does not end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
    part = b"x" * 2**20
    with contextlib.suppress(ConnectionError):
        for _ in range(HUGE // len(part)):
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            await writer.drain()
    try:
        return str((await answer(reader))[0])
    except (ConnectionError, asyncio.IncompleteReadError):
        return "closed"


async def _drip(port: int, content: bytes, body: bool) -> str:
    """A request a byte at a time: its head, or the body after the head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.perf_counter()
    head = content.index(b"\r\n\r\n") + 4 if body else 0
    writer.write(content[:head])
    reading = asyncio.ensure_future(answer(reader))
    for byte in content[head:]:
        writer.write(bytes([byte]))
        await asyncio.wait([reading], timeout=0.5)
        if reading.done() or time.perf_counter() - began > LATEST:
            break
    seconds = f"after {time.perf_counter() - began:.0f} s"
    try:
        return f"{reading.result()[0]} {seconds}"
    except (ConnectionError, asyncio.IncompleteReadError):
        return f"closed {seconds}"


async def _burst(port: int, good: bytes) -> str:
    answers = Counter(await asyncio.gather(*(_sent(port, good) for _ in range(BURST))))
    return ", ".join(f"{number} x {status}" for status, number in sorted(answers.items()))


def attempts(port: int, good: bytes) -> dict[str, Callable[[], Awaitable[str]]]:
    """What is tried, by what it is."""
    start = good.index(b"\r\n\r\n") + 4
    whole = {
        "a body of 64 MiB": request(b"x" * HUGE),
        "a length of 10 TB": request(b"").replace(b"Content-Length: 0", b"Content-Length: 10000000000000"),
        "no image": request(form([("a.png", b"not an image")])),
        "a PNG of 60,000 x 60,000 pixels": request(form([("a.png", bomb())])),
        "a path in the name": request(form([("../../etc/passwd", b"")])),
        "a URL in a field": request(form([], {"files": "http://169.254.169.254/latest/meta-data"})),
        "a URL in JSON": request(b'{"url": "file:///etc/passwd"}', "application/json"),
        "JSON 100,000 deep": request(b"[" * 100_000, "application/json"),
        "1,000 files": request(form([("a.png", b"")] * 1000)),
        "a form without a boundary": request(good[start:], "multipart/form-data"),
        "a form that is cut off": request(form([("a.png", b"x" * 100)])[:150]),
        "no type": request(b"abc", "application/x-nothing"),
        "another Host": request(good[start:], Host="attacker.example"),
        "a page of another site": request(good[start:], Origin="http://attacker.example"),
        "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
        "a head of 100 kB": request(b"", **{"X-Long": "a" * 100_000}),
        "a path with ..": request(b"", path="/static/../../../etc/passwd").replace(b"POST", b"GET", 1),
    }
    tried: dict[str, Callable[[], Awaitable[str]]] = {
        name: lambda content=content: _sent(port, content) for name, content in whole.items()
    }
    return {
        **tried,
        "a body without an end": lambda: _chunked(port),
        "a head, a byte in half a second": lambda: _drip(port, good, body=False),
        "a body, a byte in half a second": lambda: _drip(port, good, body=True),
        f"{BURST} good requests at once": lambda: _burst(port, good),
    }


def tried(port: int, good: bytes) -> list[tuple[str, str, str]]:
    """Name, what was answered, and what the next good request was answered, of each attempt."""
    assert BOUNDARY.encode() in good or b"application/json" in good
    return [
        (name, asyncio.run(_awaited(attempt)), asyncio.run(_sent(port, good)))
        for name, attempt in attempts(port, good).items()
    ]


async def _awaited(attempt: Callable[[], Awaitable[str]]) -> str:
    return await attempt()
