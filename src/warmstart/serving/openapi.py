"""What `/openapi.json` says of bodies and errors: of this bundle, so that what it says is what is taken."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from warmstart.serving.asked import EXPLAIN, PREDICT, Options, Why
from warmstart.serving.problems import KINDS
from warmstart.shipping.bundle import Bundle

Schema = dict[str, Any]

ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["kind", "found", "expected", "do"],
            "properties": {name: {"type": "string"} for name in ("kind", "found", "expected", "do")},
        }
    },
}
ROW: Schema = {"type": "object", "required": ["input", "error"], "additionalProperties": True}


class Described:
    """The parts of the document that FastAPI cannot know."""

    def __init__(self, bundle: Bundle, *, token: bool) -> None:
        kind = bundle.spec.kind
        self.small = _errors(400, 401, 403, 408, 413, 503)
        self.large = _errors(400, 401, 403, 408, 413, 415, 422, 429, 500, 501, 503, 504)
        rows: Schema = {"type": "object", "required": ["rows"], "properties": {"rows": {"type": "array", "items": ROW}}}
        self.large_predict = rows
        self.predict = _body(PREDICT.get(kind), Options)
        self.explain = _body(EXPLAIN.get(kind), Why)


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {"description": KINDS[status], "content": {"application/json": {"schema": ERROR}}}
        for status in statuses
    }


def _body(document: type[BaseModel] | None, options: type[BaseModel]) -> Schema:
    fields: Schema = _schema(options)["properties"]
    files: Schema = {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
    form: Schema = {
        "type": "object",
        "required": ["files"],
        "additionalProperties": False,
        "properties": {"files": files, **fields},
    }
    content: Schema = {"multipart/form-data": {"schema": form}}
    if document is not None:
        content["application/json"] = {"schema": _schema(document)}
    return {"requestBody": {"required": True, "content": content}}


def _schema(model: type[BaseModel]) -> Schema:
    """Of one model, without references: those of FastAPI's document would not find them."""
    return model.model_json_schema()
