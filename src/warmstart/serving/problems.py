"""What a client is told when a request cannot be answered: a status, and the words of the house's errors.

Nothing of the machine is in it: no path, no traceback. What is our fault is logged here and told there as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

KINDS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    408: "TooSlow",
    413: "TooLarge",
    415: "UnsupportedMediaType",
    422: "Unreadable",
    429: "Busy",
    500: "Fault",
    501: "NotThere",
    503: "NotReady",
    504: "TimedOut",
}
"""What each status is called in `kind`."""


class Problem(Exception):  # noqa: N818 - not all are errors of the service
    """A request that is refused.

    >>> Problem(404, "there is no /v2", do="see /openapi.json").document()
    {'error': {'kind': 'NotFound', 'found': 'there is no /v2', 'expected': '', 'do': 'see /openapi.json'}}
    """

    def __init__(
        self,
        status: int,
        found: str,
        expected: str = "",
        do: str = "",
        *,
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(found)
        self.status, self.found, self.expected, self.do = status, found, expected, do
        self.kind = kind or KINDS[status]
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"error": {"kind": self.kind, "found": self.found, "expected": self.expected, "do": self.do}}

    def response(self) -> JSONResponse:
        """The answer."""
        return JSONResponse(self.document(), self.status, headers=self.headers)


def fault() -> Problem:
    """What is ours; the log has more."""
    return Problem(500, "the service failed at this request", do="tell who runs it; the log says what happened")
