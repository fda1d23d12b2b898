from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

from warmstart.cache import chunk, disk, room
from warmstart.cache.store import ActivationStore, default_cache_dir

SPACE = "ab" * 32
ROWS = torch.arange(12.0).view(3, 2, 2)


def fetch(cache: ActivationStore, keys: list[str], like: Tensor = ROWS) -> tuple[Tensor, list[int]]:
    out = torch.full((len(keys), *like.shape[1:]), -1.0)
    return out, cache.fetch(SPACE, keys, out)


def files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    ActivationStore(tmp_path).put(SPACE, ["a", "b", "c"], ROWS)
    return tmp_path


def test_what_was_put_is_found_by_the_next_process_in_any_order_and_number(filled: Path) -> None:
    out, missing = fetch(ActivationStore(filled), ["c", "x", "a", "c"])
    assert missing == [1]
    assert torch.equal(out[[0, 2, 3]], ROWS[[2, 0, 2]])
    assert bool((out[1] == -1).all())


def test_another_space_shares_nothing(filled: Path) -> None:
    assert ActivationStore(filled).fetch("cd" * 32, ["a"], torch.empty(1, 2, 2)) == [0]


def test_later_samples_join_those_that_are_there(filled: Path) -> None:
    ActivationStore(filled).put(SPACE, ["d"], ROWS[:1] + 100)
    out, missing = fetch(ActivationStore(filled), ["d", "a"])
    assert missing == []
    assert torch.equal(out, torch.stack([ROWS[0] + 100, ROWS[0]]))


def test_a_chunk_is_a_safetensors_file_that_others_can_read(filled: Path) -> None:
    (path,) = files(filled)
    assert torch.equal(load_file(path)["rows"], ROWS)
    assert path.relative_to(filled).parts[:3] == ("activations", "ab", SPACE)


@given(st.lists(st.integers(0, 9), max_size=8), st.lists(st.sets(st.integers(0, 9), min_size=1), max_size=4))
def test_memory_gives_what_was_put_and_names_what_was_not(wanted: list[int], puts: list[set[int]]) -> None:
    cache = ActivationStore(None)
    for numbers in puts:
        cache.put(SPACE, [str(i) for i in numbers], torch.tensor([[float(i)] for i in numbers]))
    out, missing = fetch(cache, [str(i) for i in wanted], torch.empty(0, 1))
    known = set().union(*puts)
    assert missing == [position for position, i in enumerate(wanted) if i not in known]
    assert all(out[position] == i for position, i in enumerate(wanted) if i in known)


def flip(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[:-1],
        lambda b: b[:100],
        lambda b: b[:8],
        lambda b: b"",
        lambda b: b + b"\0",
        lambda b: flip(b, len(b) - 1),
        lambda b: flip(b, 0),
        lambda b: flip(b, 7),
        lambda b: flip(b, b.index(b'"keys"') + 9),
        lambda b: flip(b, b.index(b'"checksum"') + 15),
        lambda b: b.replace(b"[3, 2, 2]", b"[3, 4, 1]"),
        lambda b: (2).to_bytes(8, "little") + b"[]",
    ],
)
def test_a_damaged_file_is_deleted_and_its_samples_are_missing(
    filled: Path, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    (path,) = files(filled)
    path.write_bytes(damage(path.read_bytes()))
    cache = ActivationStore(filled)
    assert fetch(cache, ["a", "b", "c"])[1] == [0, 1, 2]
    assert files(filled) == []
    assert "computed again" in caplog.text
    cache.put(SPACE, ["a", "b", "c"], ROWS)
    assert torch.equal(fetch(ActivationStore(filled), ["a", "b", "c"])[0], ROWS)


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_process_killed_while_it_writes_leaves_nothing_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, call, killed)
        patch.setattr(Path, "unlink", killed)  # nor could it clean up
        with pytest.raises(KeyboardInterrupt):
            ActivationStore(tmp_path).put(SPACE, ["a"], ROWS[:1])
    assert [path.suffix for path in files(tmp_path)] == [".partial"]
    cache = ActivationStore(tmp_path)
    assert fetch(cache, ["a"])[1] == [0]
    os.utime(files(tmp_path)[0], (0, 0))
    cache.put(SPACE, ["a"], ROWS[:1])
    assert [path.suffix for path in files(tmp_path)] == [".safetensors"]


def test_a_full_disk_costs_a_warning_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    cache = ActivationStore(tmp_path)
    cache.put(SPACE, ["a"], ROWS[:1])
    cache.put(SPACE, ["b"], ROWS[1:2])
    out, missing = fetch(cache, ["a", "b"])
    assert (missing, files(tmp_path)) == ([], [])
    assert torch.equal(out, ROWS[:2])
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "No space left" in caplog.text


def test_space_is_checked_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda _: 1000)
    cache = ActivationStore(tmp_path / "new")
    cache.put(SPACE, ["a"], ROWS[:1])
    assert not (tmp_path / "new").exists()
    assert "no room" in caplog.text
    assert fetch(cache, ["a"])[1] == []


def test_a_cache_folder_that_is_a_file_costs_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "cache").write_text("mine")
    cache = ActivationStore(tmp_path / "cache")
    cache.put(SPACE, ["a"], ROWS[:1])
    assert fetch(cache, ["a"])[1] == []
    assert "cannot be written" in caplog.text
    assert (tmp_path / "cache").read_text() == "mine"


def test_the_least_recently_used_goes_when_the_budget_is_full(tmp_path: Path) -> None:
    row = torch.zeros(1, 1000)
    cache = ActivationStore(tmp_path, budget_bytes=14_000)
    for age, key in enumerate("abc"):
        cache.put(SPACE, [key], row)
        os.utime(tmp_path / "activations" / "ab" / SPACE / chunk.chunk_name([key]), (age, age))
    fetch(cache, ["a"], row)  # used again: now "b" is the oldest
    cache.put(SPACE, ["d"], row)
    later = ActivationStore(tmp_path)
    assert [key for key in "abcd" if fetch(later, [key], row)[1]] == ["b"]
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 14_000


def test_eviction_touches_only_what_the_store_has_written(tmp_path: Path) -> None:
    foreign = tmp_path / "activations" / "ab" / SPACE / "thesis.safetensors"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"x" * 5000)
    old = foreign.with_name("notes.partial")
    old.write_text("mine")
    os.utime(old, (0, 0))
    room.make_room(tmp_path / "activations", 0)
    assert foreign.exists()
    assert old.exists()


def test_memory_stays_within_its_budget() -> None:
    cache = ActivationStore(None, budget_bytes=100)
    for key in "abc":
        cache.put(SPACE, [key], torch.zeros(1, 10))
    assert [key for key in "abc" if fetch(cache, [key], torch.empty(0, 10))[1]] == ["a"]
    cache.put(SPACE, ["large"], torch.zeros(1, 30))
    assert fetch(cache, ["large"], torch.empty(0, 30))[1] == [0]


def test_what_is_done_to_a_tensor_afterwards_does_not_reach_the_store() -> None:
    cache, rows = ActivationStore(None), ROWS.clone()
    cache.put(SPACE, ["a", "b", "c"], rows)
    rows.zero_()
    out, _ = fetch(cache, ["a", "b", "c"])
    assert torch.equal(out, ROWS)
    out.zero_()
    assert torch.equal(fetch(cache, ["a", "b", "c"])[0], ROWS)


def test_writers_of_the_same_samples_do_not_harm_each_other(filled: Path) -> None:
    reader = ActivationStore(filled)
    fetch(reader, ["a"])
    ActivationStore(filled).put(SPACE, ["a", "b", "c"], ROWS)
    assert len(files(filled)) == 1
    assert torch.equal(fetch(reader, ["b"])[0], ROWS[1:2])


def test_a_chunk_that_another_process_evicted_is_missing_and_no_error(filled: Path) -> None:
    cache = ActivationStore(filled)
    assert fetch(cache, ["a"])[1] == []
    files(filled)[0].unlink()
    assert fetch(cache, ["a"])[1] == [0]


def test_a_half_written_file_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "activations" / "ab" / SPACE / f"{'0' * 32}.1.{'0' * 8}.partial"
    path.parent.mkdir(parents=True)
    path.write_text("...")
    os.utime(path, (time.time(), time.time()))
    room.make_room(tmp_path / "activations", 0)
    assert path.exists()


def test_the_folder_is_the_one_that_the_user_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WARMSTART_CACHE", str(tmp_path))
    assert default_cache_dir() == tmp_path
    monkeypatch.delenv("WARMSTART_CACHE")
    assert default_cache_dir() == Path.home() / ".cache" / "warmstart"
