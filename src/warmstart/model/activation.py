"""Number formats in which activations can be stored, and what one activation then takes."""

from __future__ import annotations

import math
from typing import Literal

ActivationDtype = Literal["fp32", "bf16", "int8"]
"""fp32 is exact. bf16 takes half of that, int8 (with one scale per sample and channel) a quarter."""

ITEM_BYTES: dict[ActivationDtype, int] = {"fp32": 4, "bf16": 2, "int8": 1}


def sample_bytes(shape: tuple[int, ...], dtype: ActivationDtype = "fp32") -> int:
    """Bytes of one stored activation of this shape.

    >>> [sample_bytes((16, 7, 7), dtype) for dtype in ("fp32", "bf16", "int8")]
    [3136, 1568, 848]
    """
    scales = 4 * (shape[0] if len(shape) > 1 else 1) if dtype == "int8" else 0
    return math.prod(shape) * ITEM_BYTES[dtype] + scales
