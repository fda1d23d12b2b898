"""The files of the web page. Only what lies in the folder of the package is served, by its plain name."""

from __future__ import annotations

import functools
import mimetypes
from importlib import resources

from starlette.responses import Response

from warmstart.serving.problems import Problem

TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


@functools.cache
def files() -> dict[str, bytes]:
    """The content of each file by its name; read once, so that no request names a path."""
    folder = resources.files("warmstart.serving") / "page"
    if not folder.is_dir():
        return {}
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file() and file.name[0] not in "._"}


def page_file(name: str) -> Response:
    """One of them. Raises `Problem` (404) for all else."""
    content = files().get(name)
    if content is None:
        raise Problem(404, "there is no such file")
    end = name[name.rfind(".") :]
    kind = TYPES.get(end) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    kind += "; charset=utf-8" if kind.startswith("text/") else ""
    return Response(content, headers={"Content-Type": kind, "Cache-Control": "no-cache"})
