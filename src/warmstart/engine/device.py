"""Where training runs: `accelerate` chooses the device, the precision follows from what the device can do."""

from __future__ import annotations

import os

import torch
from accelerate import Accelerator

from warmstart.engine.launching import launched_size, refuse_sharded
from warmstart.engine.processes import current
from warmstart.errors import RunError


def make_accelerator() -> Accelerator:
    """An accelerator for one phase: bfloat16 autocast on a GPU that has it, float32 elsewhere.

    `accelerate launch --mixed_precision` has the last word. bfloat16 has the range of float32, so that no loss scaling
    is needed and a non-finite gradient always means what it says. Raises `RunError` where a launcher has started
    several processes and this run knows of none but its own: each would do the whole of it, and write the same files.
    """
    refuse_sharded()
    if launched_size() > 1 and current() is None:
        raise RunError(
            f"launched as {launched_size()} processes, each of which would do all of this",
            expected="warmstart.fit, or one of the commands: these share their work",
            do="start with `--num_processes 1`, or as `accelerate launch ... -m warmstart COMMAND ...`",
        )
    capable = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    chosen = os.environ.get("ACCELERATE_MIXED_PRECISION") or ("bf16" if capable else "no")
    return Accelerator(mixed_precision=chosen)
