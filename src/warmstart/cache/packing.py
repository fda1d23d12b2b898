"""Number formats of stored activations: exact, or smaller with an error that is measured when they are packed."""

from __future__ import annotations

import dataclasses
import mmap

import torch
from torch import Tensor

from warmstart.model.activation import ActivationDtype

_MOST = 127


@dataclasses.dataclass(frozen=True)
class Packed:
    """Rows in one of the formats. `error` is the root mean square of what packing changed, relative to that of the
    rows.
    """

    rows: Tensor  # (n, ...) float32, bfloat16 or int8; uint8 of pixels
    scale: Tensor | None  # float32, broadcastable to `rows`; for int8 only
    error: float
    file: mmap.mmap | None = None  # the rows lie in, where they are mapped

    def let_go(self) -> None:
        """Take the pages of the file out of the process; they are read again, or found in the page cache, when asked
        for.
        """
        if self.file is not None and hasattr(self.file, "madvise"):
            self.file.madvise(mmap.MADV_DONTNEED)

    @property
    def nbytes(self) -> int:
        """Size of rows and scales."""
        return self.rows.nbytes + (0 if self.scale is None else self.scale.nbytes)

    def unpack(self, index: list[int] | Tensor | None = None) -> Tensor:
        """Rows, or those at `index`, as float32."""
        rows = self.rows if index is None else self.rows[index]
        if self.scale is None:
            return rows.float()
        return rows.float() * (self.scale if index is None else self.scale[index])


def pack(rows: Tensor, dtype: ActivationDtype) -> Packed:
    """Pack float32 `rows` (n, ...).

    >>> x = torch.tensor([[0.0, 1.0, -2.54]])
    >>> packed = pack(x, "int8")
    >>> packed.rows.tolist(), packed.unpack().tolist() == pack(packed.unpack(), "fp32").unpack().tolist()
    ([[0, 50, -127]], True)
    """
    if dtype == "fp32":
        return Packed(rows, None, 0.0)
    scale = None
    if dtype == "int8":
        within = tuple(range(2, rows.ndim)) or (1,)
        scale = (rows.abs().amax(within, keepdim=True) / _MOST).clamp_min(torch.finfo(torch.float32).tiny)
        small = (rows / scale).round().clamp(-_MOST, _MOST).to(torch.int8)
    else:
        small = rows.to(torch.bfloat16)
    packed = Packed(small, scale, 0.0)
    size = float(rows.norm())
    return dataclasses.replace(packed, error=float((packed.unpack() - rows).norm()) / size if size else 0.0)
