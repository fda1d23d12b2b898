"""Where training runs: `accelerate` chooses the device, the precision follows from what the device can do."""

from __future__ import annotations

import os

import torch
from accelerate import Accelerator

from warmstart.errors import RunError


def make_accelerator() -> Accelerator:
    """An accelerator for one phase: bfloat16 autocast on a GPU that has it, float32 elsewhere.

    `accelerate launch --mixed_precision` has the last word. bfloat16 has the range of float32, so that no loss scaling
    is needed and a non-finite gradient always means what it says. Raises `RunError` when launched as several
    processes: batches are not divided over processes, and each would write the same checkpoints.
    """
    capable = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    chosen = os.environ.get("ACCELERATE_MIXED_PRECISION") or ("bf16" if capable else "no")
    accelerator = Accelerator(mixed_precision=chosen)
    if accelerator.num_processes > 1:
        raise RunError(
            f"launched as {accelerator.num_processes} processes",
            expected="one process: batches are not divided over processes yet",
            do="start with `--num_processes 1`",
        )
    return accelerator
