"""The body of a request: JSON, or a form with files. Nothing of it is written to disk."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Sequence
from typing import Generic, TypeVar

from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from warmstart.serving.asked import from_fields, from_json
from warmstart.serving.problems import Problem

LARGE = 2**18
"""Bytes of JSON from which on it is read in a thread, so that others are heard meanwhile."""
MAX_FIELDS = 16

Asked = TypeVar("Asked", bound=BaseModel)


@dataclasses.dataclass(frozen=True)
class Given(Generic[Asked]):
    """What a request holds."""

    options: Asked
    files: Sequence[tuple[str, bytes]] = ()
    """Name and content of each."""


class _InMemory(MultiPartParser):
    spool_max_size = sys.maxsize  # the guard has bounded the body


async def read(request: Request, document: type[Asked] | None, options: type[Asked], most: int) -> Given[Asked]:
    """What a request holds: a `document` of JSON, or at most `most` files, with `options` as fields.

    Raises:
        Problem: 415 for another type, 400 for a body that is not what it says, 413 for too many files, 422 for fields
            that are unknown or wrong.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "application/json" and document is not None:
        body = await request.body()
        large = len(body) > LARGE
        return Given(await asyncio.to_thread(from_json, document, body) if large else from_json(document, body))
    if kind != "multipart/form-data":
        expected = "multipart/form-data with files" + (", or application/json" if document is not None else "")
        raise Problem(415, f"a body of type {kind[:100] or 'none'}", expected=expected)
    fields, files = await _parts(request, most)
    if not files:
        raise Problem(422, "no part named `files` in the form", expected="one or more files")
    return Given(from_fields(options, fields), files)


async def _parts(request: Request, most: int) -> tuple[dict[str, str], list[tuple[str, bytes]]]:
    parser = _InMemory(request.headers, request.stream(), max_files=most, max_fields=MAX_FIELDS, max_part_size=2**20)
    try:
        found = await parser.parse()
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise Problem(413, "too many files", expected=f"at most {most} in one request") from None
        raise Problem(400, f"the form cannot be read: {error.message}"[:300]) from None
    fields: dict[str, str] = {}
    files: list[tuple[str, bytes]] = []
    for name, value in found.multi_items():
        if isinstance(value, UploadFile):
            if name != "files":
                raise Problem(422, f"a file in the part {name[:100]!r}", expected="files in parts named `files`")
            files.append((value.filename or "", await value.read()))
        elif name in fields:
            raise Problem(422, f"the field {name[:100]!r} comes twice")
        else:
            fields[name] = value
    await found.close()
    return fields, files
