"""The part that trains through `torch.compile`: kernels made for it, where they repay the time that making them takes.

That is decided by what the plan expects the phase to take (`warmstart.model.device.compiling_pays`), and only on a
device that works behind the host: there a step is many small kernels, and fewer of them are faster. Where compiling
fails, the phase goes on as it is.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from warmstart.engine.events import Decided, Listener
from warmstart.engine.memory import is_out_of_memory
from warmstart.model.device import Device, compiling_pays
from warmstart.planning.plan import PhasePlan
from warmstart.recipe.phase import Phase

IN_A_ROW = 3
"""Batches of one size after which it counts as the size of the phase: the last of an epoch is smaller, and never is."""
MOST = 2
"""Sizes that are compiled: when memory did not suffice and batches are divided, there is a second one."""


class Compiled(nn.Module):
    """A module whose training batches of a size that recurs go through kernels made for that size, others as they are.

    Args:
        module: what is compiled; it is `module` here too.
        name: of the phase, for `listener`.
        listener: is told that it was compiled, or why not.
        backend: of `torch.compile`.
    """

    def __init__(
        self, module: nn.Module, name: str, listener: Listener, backend: str | Callable[..., Any] = "inductor"
    ):
        super().__init__()
        self.module = module
        self._name, self._listener = name, listener
        self._fast: Callable[..., Tensor] = torch.compile(_call(module), backend=backend, dynamic=False)
        self._works, self._made = True, set[int]()
        self._size = self._times = 0

    def forward(self, activation: Tensor, targets: Tensor | None = None) -> Tensor:
        """What `module` gives."""
        if not (self._works and torch.is_grad_enabled() and self._recurs(len(activation))):
            return self.module(activation, targets)  # type: ignore[no-any-return]
        size = len(activation)
        if size in self._made:
            return self._fast(activation, targets)
        began = time.monotonic()
        try:
            with _backward_too():
                found = self._fast(activation, targets)
        except Exception as error:  # whatever the compilers do not know
            if is_out_of_memory(error):
                raise
            self._works = False
            why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            self._listener(Decided(f"{self._name}: not compiled, steps go on as they are ({why})"))
            return self.module(activation, targets)  # type: ignore[no-any-return]
        self._made.add(size)
        seconds = time.monotonic() - began
        text = f"{self._name}: the step is compiled for {size} samples at once, in {seconds:.0f} s"
        self._listener(Decided(text, {"samples": size, "seconds": seconds}))
        return found

    def _recurs(self, size: int) -> bool:
        self._times = self._times + 1 if size == self._size else 1
        self._size = size
        return size in self._made or (self._times >= IN_A_ROW and len(self._made) < MOST)


def compiled_if_it_pays(module: nn.Module, plan: PhasePlan, device: Device, listener: Listener) -> nn.Module:
    """The module, compiled where that repays itself in this phase; kernels that are timed are not deterministic."""
    fits = device.behind and isinstance(plan.phase, Phase) and not torch.are_deterministic_algorithms_enabled()
    return Compiled(module, plan.phase.name, listener) if fits and compiling_pays(plan.seconds) else module


def _call(module: nn.Module) -> Callable[..., Any]:
    def call(activation: Tensor, targets: Tensor | None) -> Any:
        return module(activation, targets)

    return call


def _backward_too() -> contextlib.AbstractContextManager[Any]:
    """The backward pass is compiled with the forward pass, so that it fails here or not at all."""
    import torch._functorch.config as config

    name = "force_non_lazy_backward_lowering"
    return config.patch(name, True) if hasattr(config, name) else contextlib.nullcontext()
