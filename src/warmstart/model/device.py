"""What the device at hand gets: the one place that knows. Everywhere else a device is a device, and a CPU is one.

Nothing here, and nothing elsewhere, touches `torch.cuda` when it is imported; `CUDA_VISIBLE_DEVICES=""` hides each GPU.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from typing import Literal

import torch

from warmstart.model.activation import ActivationDtype

BEHIND = {"cuda"}
"""Types of devices that work behind the host: what is asked is done later, and to read a value is to wait."""
SHARE = 0.5
"""Of the free memory of a device that stored activations may take: what trains needs the rest."""
COMPILING = 90.0
"""Seconds that `torch.compile` takes for forward and backward of a network of some fifty layers, about."""
GAIN = 1.2
"""Times as fast as without, about, that a compiled training step is taken to be where nothing was measured."""
AT_ONCE = 256
"""Samples per forward pass of frozen extraction on such a device: enough to fill it, some 0.2 GB of images at 224."""

Place = Literal["device", "memory", "disk"]


@dataclasses.dataclass(frozen=True)
class Device:
    """A device, and what it can do that others cannot.

    Args:
        at: which one it is.
        behind: whether it works behind the host, so that copies overlap with computing and every look at a value waits.
        bf16: whether it computes in bfloat16 at full speed.
    """

    at: torch.device
    behind: bool = False
    bf16: bool = False

    @classmethod
    def of(cls, device: torch.device | str) -> Device:
        """The facts of a device.

        >>> Device.of("cpu")
        Device(at=device(type='cpu'), behind=False, bf16=False)
        """
        found = torch.device(device)
        bf16 = found.type == "cuda" and torch.cuda.is_bf16_supported()
        return cls(found, found.type in BEHIND, bf16)

    @property
    def name(self) -> tuple[str, ...]:
        """What its maker calls it; nothing of a CPU.

        >>> Device.of("cpu").name
        ()
        """
        return (torch.cuda.get_device_name(self.at),) if self.at.type == "cuda" else ()

    @property
    def free(self) -> int:
        """Bytes of its memory that are not taken, what torch holds in reserve included; 0 where it has none."""
        if self.at.type != "cuda":
            return 0
        free, _ = torch.cuda.mem_get_info(self.at)
        reserve = torch.cuda.memory_reserved(self.at) - torch.cuda.memory_allocated(self.at)
        return int(free + reserve)

    def arithmetic(self, dtype: ActivationDtype = "fp32") -> str:
        """How activations that are stored as `dtype` are computed, as part of their address; empty for float32.

        On such a device matrix products and convolutions in float32 take TF32, of ten bits, and what is stored as
        bfloat16 is computed so too.

        >>> Device.of("cpu").arithmetic("bf16"), Device(torch.device("cuda"), True, True).arithmetic("bf16")
        ('', 'bf16')
        """
        if not self.behind:
            return ""
        return "bf16" if self.bf16 and dtype == "bf16" else "tf32"

    @contextlib.contextmanager
    def fast(self) -> Iterator[None]:
        """TF32 and, where nothing has to be deterministic, the fastest kernels for sizes that recur, in a `with`."""
        if not self.behind:
            yield
            return
        precision, benchmark = torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = not torch.are_deterministic_algorithms_enabled()
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(precision)
            torch.backends.cudnn.benchmark = benchmark


def chosen() -> torch.device:
    """Where networks are put: the GPU that this process may use, else the CPU, as `accelerate` chooses for training."""
    named = os.environ.get("ACCELERATE_TORCH_DEVICE")
    if named:
        return torch.device(named)
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


def place(size: int, *, free: int, memory: int) -> Place:
    """Where `size` bytes of activations are kept: on the device, in the host's memory, or on its disk.

    Args:
        size: bytes.
        free: bytes of the device's own memory that are free; 0 where it has none.
        memory: bytes that may be held in the host's memory.

    >>> [place(size, free=100, memory=80) for size in (50, 51, 81)]
    ['device', 'memory', 'disk']
    """
    if size <= SHARE * free:
        return "device"
    return "memory" if size <= memory else "disk"


def compiling_pays(seconds: float, *, compiling: float = COMPILING, gain: float = GAIN) -> bool:
    """Whether steps that take `seconds` in all as they are repay twice what compiling them takes.

    >>> compiling_pays(600.0), compiling_pays(6000.0)
    (False, True)
    """
    return seconds * (1 - 1 / gain) > 2 * compiling
