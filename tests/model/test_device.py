"""What a device gets is decided by facts, and there need be no GPU to decide it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from warmstart.model import device
from warmstart.model.device import SHARE, Device, chosen, compiling_pays, place

GPU = Device(torch.device("cuda"), behind=True, bf16=True)
sizes = st.integers(0, 2**40)


@given(sizes, sizes, sizes)
def test_activations_are_on_the_device_where_they_leave_room_then_in_memory_then_on_the_disk(
    size: int, free: int, memory: int
) -> None:
    found = place(size, free=free, memory=memory)
    assert (found == "device") == (size <= SHARE * free)
    assert (found == "disk") == (size > memory and size > SHARE * free)


@given(sizes, sizes, sizes, sizes)
def test_more_room_never_moves_activations_further_away(size: int, free: int, memory: int, more: int) -> None:
    far = ("device", "memory", "disk")
    less = far.index(place(size, free=free, memory=memory))
    assert far.index(place(size, free=free + more, memory=memory)) <= less
    assert far.index(place(size, free=free, memory=memory + more)) <= less


@given(st.floats(0, 1e6), st.floats(1, 600), st.floats(1.01, 4))
def test_compiling_pays_only_where_what_is_saved_is_twice_what_it_takes(
    seconds: float, compiling: float, gain: float
) -> None:
    saved = seconds - seconds / gain
    assert compiling_pays(seconds, compiling=compiling, gain=gain) == (seconds * (1 - 1 / gain) > 2 * compiling)
    assert not (compiling_pays(seconds, compiling=compiling, gain=gain) and saved < compiling)


def test_a_cpu_computes_in_float32_and_nothing_is_changed_for_it() -> None:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark
    assert Device.of("cpu").arithmetic("bf16") == ""
    assert Device.of("cpu").free == 0
    with Device.of("cpu").fast():
        assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark) == before


@pytest.mark.parametrize("deterministic", [False, True])
def test_a_gpu_takes_tf32_and_times_kernels_unless_they_have_to_be_deterministic(deterministic: bool) -> None:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(deterministic)
    try:
        with GPU.fast():
            assert torch.get_float32_matmul_precision() == "high"
            assert torch.backends.cudnn.benchmark is not deterministic
    finally:
        torch.use_deterministic_algorithms(False)
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark) == before


def test_what_is_stored_short_is_computed_short_where_that_is_fast() -> None:
    assert [GPU.arithmetic(dtype) for dtype in ("fp32", "bf16", "int8")] == ["tf32", "bf16", "tf32"]
    assert Device(torch.device("cuda"), behind=True).arithmetic("bf16") == "tf32"


def test_the_device_at_hand_is_the_gpu_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCELERATE_TORCH_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert chosen() == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert chosen() == torch.device("cuda", 3)
    monkeypatch.setenv("ACCELERATE_TORCH_DEVICE", "cpu")
    assert chosen() == torch.device("cpu")


@pytest.mark.slow
def test_nothing_touches_a_gpu_when_it_is_imported_and_hidden_ones_are_not_used() -> None:
    modules = "engine.loop, engine.feed, engine.compiled, cache.features, data.transfer, evaluation.predict"
    imports = "; ".join(f"import warmstart.{name}" for name in modules.split(", "))
    code = f"""
import torch
def refuse(*_): raise AssertionError("touched")
torch.cuda.is_available = torch.cuda._lazy_init = torch.cuda.device_count = refuse
import accelerate  # looks around by itself, and is imported by nothing below before it is needed
{imports}
"""
    code = code.replace("import accelerate", "torch.cuda.is_available = lambda: False; import accelerate")
    code += "import importlib, warmstart.model.device as d; print(d.chosen())"
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}, capture_output=True, text=True
    )
    assert run.stdout.strip() == "cpu", run.stderr


def test_only_some_types_of_device_work_behind() -> None:
    assert {"cuda"} == device.BEHIND
