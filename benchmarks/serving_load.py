"""Load on a service from a process of its own: clients that each send a request as soon as the last one is answered.

A plain socket client, since one that does much would take the processor from the service that is measured. A line of
JSON on standard input (`bodies` lists files with a request each) is answered by a line with what came of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

BOUNDARY = "warmstart-serving-load"


def form(files: list[tuple[str, bytes]], fields: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """The body of a form with files and fields."""
    lines = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, content in files:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        lines.append(head.encode() + content + b"\r\n")
    return b"".join(lines) + f"--{BOUNDARY}--\r\n".encode()


def request(
    body: bytes, kind: str = f"multipart/form-data; boundary={BOUNDARY}", *, path: str = "/v1/predict", **headers: str
) -> bytes:
    """A whole request as it goes over the wire."""
    said = {"Host": "127.0.0.1", "Content-Type": kind, "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of the next answer on a connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head[1:] if b": " in line)
    status, length = int(head[0].split()[1]), fields.get(b"content-length")
    return status, await (reader.read() if length is None else reader.readexactly(int(length)))


async def _client(port: int, waiting: list[bytes], seconds: list[float], statuses: Counter[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while waiting:
        content = waiting.pop()
        began = time.perf_counter()
        writer.write(content)
        await writer.drain()
        status, _ = await answer(reader)
        seconds.append(time.perf_counter() - began)
        statuses[status] += 1
    writer.close()


async def load(port: int, requests: list[bytes], clients: int) -> dict[str, Any]:
    """Send all requests; seconds in all, those of each, and how many answers had which status."""
    waiting, seconds, statuses = list(requests), list[float](), Counter[int]()
    began = time.perf_counter()
    await asyncio.gather(*(_client(port, waiting, seconds, statuses) for _ in range(clients)))
    return {"wall": time.perf_counter() - began, "seconds": seconds, "statuses": dict(statuses)}


def main() -> None:
    """Answer each line of standard input."""
    for line in sys.stdin:
        asked = json.loads(line)
        requests = [Path(path).read_bytes() for path in asked["requests"]]
        found = asyncio.run(load(asked["port"], requests, asked["clients"]))
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
