"""A client of the service in this process: sockets are blocked in the tests, and none is needed."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

import httpx
import numpy as np
from PIL import Image
from starlette.types import ASGIApp

T = TypeVar("T")
HERE = "http://127.0.0.1"
Files = Sequence[tuple[str, bytes]]


def talk(app: ASGIApp, conversation: Callable[[httpx.AsyncClient], Awaitable[T]], **options: Any) -> T:
    """What comes of a conversation with the service."""

    async def held() -> T:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=HERE, **options) as client:
            return await conversation(client)

    return asyncio.run(held())


def get(app: ASGIApp, path: str, **how: Any) -> httpx.Response:
    return talk(app, lambda client: client.get(path, **how))


def post(app: ASGIApp, path: str = "/v1/predict", **how: Any) -> httpx.Response:
    return talk(app, lambda client: client.post(path, **how))


def sent(app: ASGIApp, *files: tuple[str, bytes], path: str = "/v1/predict", **fields: str) -> httpx.Response:
    """Files as a form."""
    return post(app, path, files=[("files", file) for file in files], data=fields)


def refused(answer: httpx.Response, status: int) -> str:
    """What a refusal says; it is one, of the form that all have."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"kind", "found", "expected", "do"}
    assert "Traceback" not in answer.text
    assert "/tmp" not in answer.text
    return str(error["found"])


def figure(text: str, name: str) -> float:
    """The value of one of the figures at `/metrics`."""
    return float(next(line.split()[-1] for line in text.splitlines() if line.startswith(name)))


def png(pixels: np.ndarray[Any, Any] | None = None, **how: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((32, 32, 3), np.uint8) if pixels is None else pixels).save(buffer, "PNG", **how)
    return buffer.getvalue()


async def parts(*contents: bytes) -> AsyncIterator[bytes]:
    """A body whose length is not said."""
    for content in contents:
        yield content
