"""The contract of a runtime: from images to the activations at some cuts, in float32, as torch would give them.

A runtime is used only where its outputs agree with torch's within `TOLERANCE` and it is faster; which one that is, is
measured (`warmstart.engine.extraction`). What another runtime than torch has computed has addresses of its own.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from warmstart.model.chain import Chain
from warmstart.model.inputs import Images
from warmstart.registry import Registry

TOLERANCE = 1e-4
"""Largest difference from torch's activations, relative to the largest of them."""

Extract = Callable[[Tensor], tuple[Tensor, ...]]
"""From images (n, C, H, W), float32, to the activations at each cut."""


class UnavailableError(Exception):
    """The runtime is not installed, or cannot run this network."""


def require_images(chain: Chain) -> None:
    """Raise `UnavailableError` for a network that takes anything else: the others are made for inputs of one size."""
    if not isinstance(chain.inputs, Images):
        raise UnavailableError(f"it is for images, and this network takes {chain.inputs.noun}")


def require_float32_on_cpu(chain: Chain) -> None:
    """Raise `UnavailableError` for a network that an engine for float32 on the CPU cannot take over."""
    weight = next(chain.module.parameters(), torch.empty(0))
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        raise UnavailableError("the network is not in float32 on the CPU")


class Runtime(Protocol):
    """What is registered."""

    def __call__(self, chain: Chain, cuts: tuple[int, ...], size: int) -> Extract:
        """Prepare the prefixes of `chain` up to `cuts` (ascending) for inputs of `size` x `size` pixels.

        The weights are those at the time of the call. To be called, as the result is, while the network is in eval mode
        and in inference mode.

        Raises:
            UnavailableError: see there.
        """
        ...


def version(name: str) -> str:
    """Version of the package that a runtime needs; empty if it is not installed."""
    try:
        return importlib.metadata.version(_PACKAGES.get(name, name))
    except importlib.metadata.PackageNotFoundError:
        return ""


runtimes: Registry[Runtime] = Registry("runtime")
runtimes.add("torch", "warmstart.model.runtimes.eager:prepare")
runtimes.add("folded", "warmstart.model.runtimes.folded:prepare")
runtimes.add("openvino", "warmstart.model.runtimes.openvino:prepare")
runtimes.add("onnxruntime", "warmstart.model.runtimes.onnxruntime:prepare")
runtimes.add("compiled", "warmstart.model.runtimes.compiled:prepare")
_PACKAGES = {"folded": "torch", "compiled": "torch"}
"""Where it is not the one of the runtime's name."""

PREPARATION = {"folded": 0.5, "openvino": 2.0, "onnxruntime": 10.0, "compiled": 60.0}
"""Seconds that it takes, about, on two cores, in the order in which they are tried."""
