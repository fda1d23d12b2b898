"""What a person does on the page."""

from __future__ import annotations

import base64
import csv
import io
import json
import mimetypes
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DROP = """(zone, files) => {
  const carried = new DataTransfer();
  for (const { name, type, content } of files)
    carried.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name, { type }));
  for (const kind of ["dragenter", "dragover", "drop"])
    zone.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
}"""
COPY = """async (_, { type, content }) => {
  const blob = new Blob([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], { type });
  await navigator.clipboard.write([new ClipboardItem({ [type]: blob })]);
}"""


def choose(page: Any, *files: Path | dict[str, Any]) -> None:
    """Give files by the button; a dict has `name`, `mimeType` and `buffer`."""
    sent = [file if isinstance(file, dict) else as_sent(file.name, file.read_bytes()) for file in files]
    page.set_input_files("#composer input[type=file]", sent)


def as_sent(name: str, content: bytes) -> dict[str, Any]:
    """A file that need not lie anywhere."""
    return {"name": name, "mimeType": mimetypes.guess_type(name)[0] or "application/octet-stream", "buffer": content}


def drop(page: Any, files: Sequence[tuple[str, str, bytes]]) -> None:
    """Drop (name, type, content) on the page."""
    sent = [
        {"name": name, "type": kind, "content": base64.b64encode(content).decode()} for name, kind, content in files
    ]
    page.locator("#zone").evaluate(DROP, sent)


def copy(page: Any, kind: str, content: bytes) -> None:
    """Have something in the clipboard."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("body").evaluate(COPY, {"type": kind, "content": base64.b64encode(content).decode()})


def answered(page: Any, *words: str) -> None:
    """Wait until the page says so at its end, in words for the screen reader and for the eye."""
    told = re.compile("^" + r".*\b".join(map(re.escape, words)))
    page.locator("#status", has_text=told).wait_for(state="attached")
    assert told.match(page.locator(".summary").inner_text())


def card(page: Any, name: str) -> Any:
    return page.locator(".card").filter(has=page.locator(".input", has_text=name))


def downloaded(page: Any, button: str) -> str:
    with page.expect_download() as caught:
        page.get_by_role("button", name=button).click()
    return Path(caught.value.path()).read_text(encoding="utf-8-sig")


def csv_rows(page: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(downloaded(page, "Download CSV"), newline="")))


def json_rows(page: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(downloaded(page, "Download JSON"))["rows"]
    return found
