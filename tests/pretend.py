"""A device that is none: its tensors compute on the CPU and behave like those of a GPU, as far as Python can see.

An operation on tensors of both kinds is an error, as on a GPU, and each time that the host would have to wait for the
device is counted. So that code for a GPU runs, with true values, where there is none.
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState
from torch import Tensor
from torch.utils._pytree import tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from warmstart.cache import rows
from warmstart.data import transfer
from warmstart.engine import feed, loop
from warmstart.engine.layout import training_layout
from warmstart.model import device

NAME = "pretend"
WAITS = collections.Counter[str]()
"""Operations that made the host wait, by name."""
READS = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "unique2", "is_nonzero", "_unique2", "bincount"}
MIXES = {"copy_", "_to_copy", "index", "index_put_", "_index_put_impl_", "index_put", "_copy_from"}
_library: list[Any] = []


class Pretended(Tensor):
    """A tensor of the device; `held` has its values."""

    held: Tensor

    @staticmethod
    def __new__(cls, real: Tensor) -> Pretended:
        made = Tensor._make_wrapper_subclass(
            cls,
            real.shape,
            strides=real.stride(),
            storage_offset=real.storage_offset(),
            dtype=real.dtype,
            layout=real.layout,
            device=torch.device(NAME, 0),
        )
        made.held = real.detach() if real.requires_grad else real
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"Pretended({self.held})"

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return run(func, args, kwargs or {})


def run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    name, flat = func._schema.name.split("::")[1], [*_tensors(args), *_tensors(kwargs)]
    strangers = [x for x in flat if not isinstance(x, Pretended) and x.ndim]
    if strangers and name not in MIXES and any(isinstance(x, Pretended) for x in flat):
        raise RuntimeError(f"{name}: expected all tensors to be on the same device, found one on the CPU")
    asked = kwargs.get("device")
    if name in READS or (name == "copy_" and not isinstance(args[0], Pretended)):
        WAITS[name] += 1
    if name in ("index", "index_put_", "index_put", "_index_put_impl_"):
        WAITS["mask"] += sum(x is not None and x.dtype == torch.bool for x in args[1])
    if asked is not None and torch.device(asked).type == NAME:
        kwargs = {**kwargs, "device": "cpu"}
    here = asked is None or torch.device(asked).type == NAME
    if not here and name == "_to_copy" and not kwargs.get("non_blocking"):
        WAITS["to the host"] += 1
    found = func(*tree_map(_real, args), **tree_map(_real, kwargs))
    if func._schema.is_mutable and isinstance(args[0], Tensor) and name.rstrip("_") != name:
        return args[0]
    if name == "copy_" or (not here and name == "_to_copy"):
        return found
    return tree_map(lambda x: _wrapped(x, flat), found) if here else found


def _tensors(values: Any) -> list[Tensor]:
    found: list[Tensor] = []
    tree_map(lambda x: found.append(x) if isinstance(x, Tensor) else None, values)
    return found


def _real(x: Any) -> Any:
    return x.held if isinstance(x, Pretended) else x


def _wrapped(x: Any, given: list[Tensor]) -> Any:
    if not isinstance(x, Tensor) or isinstance(x, Pretended):
        return x
    same = next((one for one in given if isinstance(one, Pretended) and one.held is x), None)
    return Pretended(x) if same is None else same


class Module:
    """`torch.pretend`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        known = {"is_available": True, "device_count": 1, "current_device": 0, "is_initialized": True}
        if name == "get_amp_supported_dtype":
            return lambda: [torch.bfloat16]
        return lambda *_: known.get(name, False)


def register() -> torch.device:
    """The device; it is made once in a process."""
    if not _library:
        _setup_privateuseone_for_python_backend(NAME, backend_module=Module())
        library = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
        for name in ("empty.memory_format", "empty_strided", "_copy_from"):
            package, _, overload = name.partition(".")
            made = _made(getattr(getattr(torch.ops.aten, package), overload or "default"))
            library.impl(name, made, "PrivateUse1")  # type: ignore[no-untyped-call]
        _library.append(library)
    return torch.device(NAME, 0)


def _made(op: Any) -> Any:
    def copied(source: Tensor, into: Tensor, non_blocking: bool = False) -> Tensor:
        _real(into).copy_(_real(source))
        return into

    def kernel(*args: Any, **kwargs: Any) -> Any:
        kwargs = {**kwargs, "device": "cpu", "pin_memory": False}
        return Pretended(op(*args, **kwargs))

    return copied if op._schema.name.endswith("_copy_from") else kernel


class Uncounted:
    """`Copies` as a GPU has them: nothing waits for them."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def onto(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return [tensor.to(self._device) for tensor in tensors]

    def back(self, tensor: Tensor) -> tuple[Tensor, Callable[[], None]]:
        return tensor.to("cpu", non_blocking=True), lambda: None


@contextlib.contextmanager
def at_hand() -> Iterator[torch.device]:
    """The device is what this machine has, for the length of a `with`."""
    found = register()
    with pytest.MonkeyPatch.context() as patch, torch.autograd.set_multithreading_enabled(False):
        patch.setenv("ACCELERATE_TORCH_DEVICE", str(found))
        patch.setattr(device, "BEHIND", {NAME})
        patch.setattr(torch, "inference_mode", torch.no_grad)  # views of such tensors cannot be made in it
        for module in (transfer, rows):
            patch.setattr(module, "copies", Uncounted)
        for module in (loop, feed):  # it computes on the CPU, with what is not safe there
            patch.setattr(module, "training_layout", lambda network, _: training_layout(network, torch.device("cpu")))
        AcceleratorState._reset_state(reset_partial_state=True)
        try:
            yield found
        finally:
            AcceleratorState._reset_state(reset_partial_state=True)


@contextlib.contextmanager
def waits() -> Iterator[collections.Counter[str]]:
    """What makes the host wait in a `with`."""
    WAITS.clear()
    yield WAITS
