"""The graph of torch.export, from which every format is written: for any number of inputs, and texts of any length."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch.export import Dim, ExportedProgram

from warmstart.errors import ExportError
from warmstart.exporting.entrances import BATCH, LENGTH
from warmstart.exporting.wrapped import Wrapped


def program(wrapped: Wrapped) -> ExportedProgram:
    """The graph of a wrapped bundle.

    Raises:
        ExportError: a network does what a graph cannot hold, in the words of torch.
    """
    spec = wrapped.bundle.spec
    dims = {BATCH: Dim(BATCH, min=1), LENGTH: Dim(LENGTH, min=1, max=spec.size)}
    shapes: tuple[Any, ...] = tuple(
        {i: dims[side] for i, side in enumerate(one.shape) if isinstance(side, str)} for one in wrapped.entry.entrances
    )
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.export.export(wrapped.module, wrapped.example, dynamic_shapes=(shapes,))
    except ExportError:
        raise
    except Exception as error:  # whatever tracing stumbles over
        raise ExportError(
            f"{wrapped.bundle.manifest.backbone.name} has no graph for any number of inputs: {first_line(error)}",
            expected="a network whose shapes depend on no values",
            do="use the bundle itself, with `warmstart predict`",
        ) from error


def first_line(error: BaseException) -> str:
    """What an error of a library says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]
