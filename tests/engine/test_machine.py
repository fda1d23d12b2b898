"""Cores and memory are those of the container, and the allocator setting never does harm."""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path

import psutil
import pytest
import torch
from torch import nn

from warmstart.engine.allocator import keep_buffers
from warmstart.engine.layout import training_layout
from warmstart.engine.machine import cores, memory_available


def group(root: Path, path: str, **files: str) -> None:
    folder = root / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)


def member(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "membership"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(autouse=True)
def _large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(16)), raising=False)
    memory = psutil.virtual_memory()._replace(available=64 << 30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)


def test_version_2_limits_hold_also_when_a_group_above_sets_them(tmp_path: Path) -> None:
    group(tmp_path, "pod", cpu__max="150000 100000", memory__max=str(4 << 30), memory__current=str(1 << 30))
    group(tmp_path, "pod/job", cpu__max="max 100000", memory__max="max")
    me = member(tmp_path, "0::/pod/job")
    assert cores(tmp_path, me) == 2
    assert memory_available(tmp_path, me) == 3 << 30


def test_version_1_limits_hold(tmp_path: Path) -> None:
    group(tmp_path, "cpu,cpuacct/job", cpu__cfs_quota_us="300000", cpu__cfs_period_us="100000")
    group(tmp_path, "memory/job", memory__limit_in_bytes=str(2 << 30), memory__usage_in_bytes=str(1 << 29))
    me = member(tmp_path, "4:memory:/job", "1:cpu,cpuacct:/job", "0::/")
    assert cores(tmp_path, me) == 3
    assert memory_available(tmp_path, me) == (2 << 30) - (1 << 29)


def test_page_cache_does_not_count_as_used(tmp_path: Path) -> None:
    stat = f"anon {1 << 29}\ninactive_file {1 << 30}\n"
    group(tmp_path, "job", memory__max=str(2 << 30), memory__current=str(3 << 29), memory__stat=stat)
    assert memory_available(tmp_path, member(tmp_path, "0::/job")) == (2 << 30) - (1 << 29)


@pytest.mark.parametrize("content", ["max", str((1 << 63) - 4096), "nonsense", ""])
def test_no_limit_means_the_whole_machine(content: str, tmp_path: Path) -> None:
    group(tmp_path, "job", memory__max=content, cpu__max="max 100000" if content == "max" else content)
    me = member(tmp_path, "0::/job")
    assert memory_available(tmp_path, me) == 64 << 30
    assert cores(tmp_path, me) == 16
    assert cores(tmp_path / "none", tmp_path / "none") == 16


def test_buffers_are_kept_where_glibc_is_and_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    assert keep_buffers() == (platform.libc_ver()[0] == "glibc")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert keep_buffers() is False


def test_a_c_library_that_cannot_be_loaded_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: object) -> None:
        raise OSError("no such library")

    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.39"))
    monkeypatch.setattr(ctypes, "CDLL", fail)
    assert keep_buffers() is False


@pytest.mark.parametrize(
    ("layer", "fast"),
    [
        (nn.Conv2d(8, 16, 1, stride=2), False),
        (nn.Conv2d(3, 16, 1, stride=(1, 2)), False),
        (nn.Conv2d(16, 32, 1, stride=2), True),
        (nn.Conv2d(8, 16, 1), True),
        (nn.Conv2d(3, 16, 3, stride=2), True),
    ],
)
def test_channels_last_is_used_except_where_the_backward_pass_would_corrupt_memory(
    layer: nn.Module, fast: bool
) -> None:
    expected = torch.channels_last if fast else torch.contiguous_format
    assert training_layout(nn.Sequential(layer), torch.device("cpu")) == expected
    assert training_layout(nn.Sequential(layer), torch.device("cuda")) == torch.channels_last
