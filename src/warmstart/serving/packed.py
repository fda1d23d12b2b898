"""Many series in one array: the content of a `.npy` file, looked at before any of it is taken for numbers.

`numpy.load` would trust the header: it makes an array of whatever shape that names, and reads objects by pickle where
it is let. Here the header is read first, and what it promises must be what was sent.
"""

from __future__ import annotations

import io
import math

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import Series
from warmstart.data.sources.series.arrays import FORMS, KINDS
from warmstart.errors import DataError
from warmstart.serving.problems import Problem

LONGEST_HEADER = 4096
"""Characters; that of an array of numbers has about 100."""
_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def series_of(content: bytes, name: str, most: int) -> list[Series]:
    """The series of an array (n, steps) or (n, channels, steps), or of one (steps,); views of what was sent.

    Raises:
        DataError: it is no such array, or not as long as its header says.
        Problem: it has more than `most` series (413).
    """
    array = _array(content, name)
    if array.ndim not in (1, 2, 3):
        raise DataError(f"{name} has the shape {array.shape}", expected=FORMS)
    rows = array[None] if array.ndim == 1 else array
    if len(rows) > most:
        expected = f"at most {most} in one request"
        raise Problem(413, f"{len(rows)} inputs", expected=expected, do="send them in several requests")
    return [Series(row if row.ndim == 2 else row[None]) for row in rows]


def _array(content: bytes, name: str) -> npt.NDArray[np.generic]:
    file = io.BytesIO(content)
    try:
        read_header = _READERS[np.lib.format.read_magic(file)]  # type: ignore[no-untyped-call]
        shape, in_columns, kind = read_header(file, max_header_size=LONGEST_HEADER)  # type: ignore[no-untyped-call, call-arg]
    except (ValueError, KeyError, EOFError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise DataError(f"{name} cannot be read as an array", expected="what numpy.save wrote of numbers") from None
    if kind.kind not in KINDS:
        raise DataError(f"{name} holds {kind} and no numbers", expected="what numpy.save wrote of numbers")
    whole, there = math.prod(shape) * kind.itemsize, len(content) - file.tell()
    if whole != there or not all(side > 0 for side in shape):
        raise DataError(f"{name} has {there} bytes of numbers", expected=f"{whole}, as its header says")
    flat = np.frombuffer(content, kind, offset=file.tell())
    return flat.reshape(shape, order="F" if in_columns else "C")
