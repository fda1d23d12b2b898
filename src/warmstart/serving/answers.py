"""Rows as JSON has them: no NaN, no arrays."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image
from pydantic_core import to_json


def as_json(thing: Any) -> Any:
    """Numbers of NumPy as those of Python, and null for what JSON has no number for.

    >>> as_json({"value": float("nan"), "sizes": (np.int64(1), np.array([2.0]))})
    {'value': None, 'sizes': [1, [2.0]]}
    """
    if isinstance(thing, float):
        return thing if math.isfinite(thing) else None
    if isinstance(thing, Mapping):
        return {str(key): as_json(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [as_json(value) for value in thing]
    return as_json(thing.tolist()) if isinstance(thing, np.ndarray | np.generic) else thing


def told(row: Mapping[str, Any], *, masks: bool = False) -> dict[str, Any]:
    """A row of `Bundle.predict` as it is sent; a mask is a PNG, where it is asked for."""
    return {key: as_json(value) for key, value in _sent(row, masks=masks).items()}


def document(rows: Sequence[Mapping[str, Any]], *, masks: bool = False) -> bytes:
    """The answer with rows of `Bundle.predict`: what `told` gives of each, as JSON, ten times as fast.

    >>> document([{"input": "a", "value": float("nan"), "sizes": (np.int64(1), np.array([2.0]))}])
    b'{"rows":[{"input":"a","value":null,"sizes":[1,[2.0]]}]}'
    """
    every = [_sent(row, masks=masks) for row in rows]
    return to_json({"rows": every}, inf_nan_mode="null", fallback=lambda thing: thing.tolist())


def _sent(row: Mapping[str, Any], *, masks: bool) -> dict[str, Any]:
    found = {key: value for key, value in row.items() if key != "mask"}
    if masks and row.get("mask") is not None:
        buffer = io.BytesIO()
        Image.fromarray(np.asarray(row["mask"], dtype=np.uint8)).save(buffer, "PNG")
        found["mask"] = data_uri(buffer.getvalue())
    return found


def data_uri(png: bytes) -> str:
    """A PNG that a page shows without another request.

    >>> data_uri(b"...")
    'data:image/png;base64,Li4u'
    """
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
