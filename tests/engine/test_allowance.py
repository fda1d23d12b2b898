"""What is held of the memory is asked for in one place, and what may not be held is read piece by piece."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.engine.heads.support import digits
from warmstart.cache.packing import Packed
from warmstart.cache.rows import StoredRows, spilled
from warmstart.cache.store import ActivationStore
from warmstart.engine.allowance import at_a_time, holds_features, holds_matrix, refuse_held, refuse_too_little
from warmstart.engine.heads.blocks.of_task import fit_in_blocks
from warmstart.engine.machine import at_most, memory_available, memory_limit, resident
from warmstart.errors import DiskError, RunError, TrainingError
from warmstart.model.catalog import load_backbone
from warmstart.planning.plan import CacheLimits
from warmstart.task.classify import CLASSIFY


class Watched:
    """Rows that know how many were asked for at once."""

    def __init__(self, rows: Tensor) -> None:
        self.rows, self.most = rows, 0

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, positions: Tensor) -> Tensor:
        self.most = max(self.most, len(positions))
        return self.rows[positions]


def test_a_process_has_what_its_limit_leaves_and_the_innermost_limit_is_over_first() -> None:
    free = memory_available()
    with at_most(1 << 50):
        memory_available()  # what is free within malloc is given back, and would seem to be left otherwise
    with at_most(resident() + (64 << 20)):
        assert memory_available() <= 128 << 20
        with at_most(1 << 20):
            assert memory_available() == 0
            assert memory_limit() == 1 << 20
        with at_most(None):
            assert memory_limit() > 1 << 20  # type: ignore[operator]
    assert memory_limit() is None
    assert memory_available() > min(free // 2, 512 << 20)


def test_too_little_is_refused_with_what_it_takes() -> None:
    backbone = load_backbone("toy")
    with at_most(50 * 10**6), pytest.raises(RunError, match=r"0\.1 GB is too little(.|\n)*at least \d\.\d GB") as told:
        refuse_too_little(backbone)
    least = float(told.value.do.split("--max-memory ")[1].split("GB")[0])
    with at_most(int((least + 0.1) * 10**9)):
        refuse_too_little(backbone)


def test_what_is_held_depends_on_what_is_left() -> None:
    chain = load_backbone("toy").chain
    with at_most(resident() + (256 << 20)):
        assert holds_features(1000, 100, 10)
        assert not holds_features(1_000_000, 1000, 10)
        few = at_a_time(chain, 1, 32)
    with at_most(1):
        assert not holds_features(1000, 100, 10)
        assert at_a_time(chain, 1, 32) == 64 <= few


def test_a_head_that_needs_the_whole_matrix_is_refused_where_a_limit_leaves_too_little() -> None:
    refuse_held("the head grid", 10**9, 1000)  # without a limit the system decides
    with at_most(resident() + (256 << 20)):
        refuse_held("the head grid", 1000, 100)
        with pytest.raises(TrainingError, match="the head grid of 1000000 samples"):
            refuse_held("the head grid", 10**6, 1000)


def test_shares_of_a_limit_depend_on_nothing_else() -> None:
    small, large = CacheLimits().within(800 << 20), CacheLimits().within(1 << 40)
    assert (small.memory, small.mapped) == (100 << 20, 50 << 20)
    assert small.chunk < large.chunk
    assert large == dataclasses.replace(CacheLimits(), most=1 << 40)  # room for all shares as they are without one


@pytest.mark.parametrize("heads", [("knn",), ("ridge", "class_means"), ("lda",)])
def test_heads_ask_for_no_more_rows_than_a_block_has(heads: tuple[str, ...]) -> None:
    features, labels, others, truth = digits()
    rows = Watched(features)
    found = fit_in_blocks(CLASSIFY, rows, torch.from_numpy(labels), 10, heads, at_once=50)
    assert rows.most <= 50
    assert float((found.logits(others).argmax(1).numpy() == truth).mean()) > 0.87


def test_rows_on_disk_let_go_of_what_was_read_and_give_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ActivationStore(tmp_path, mapped_bytes=1 << 16)
    features, keys = torch.randn(64, 512), [f"{i:064d}" for i in range(64)]
    for part in (slice(0, 40), slice(40, 64)):
        store.put("0" * 64, keys[part], features[part])
    rows = store.rows("0" * 64, keys, (512,))
    assert isinstance(rows, StoredRows)
    let_go: list[Packed] = []
    own = Packed.let_go

    def letting_go(chunk: Packed) -> None:
        let_go.append(chunk)
        own(chunk)

    monkeypatch.setattr(Packed, "let_go", letting_go)
    order = torch.randperm(64)
    for _ in range(3):
        for some in torch.split(order, 8):
            assert torch.equal(rows[some], features[some])
    assert len(let_go) >= 4
    assert all(chunk.file is not None for chunk in let_go)


def test_rows_are_spilled_to_the_disk_and_leave_no_file(tmp_path: Path) -> None:
    parts = [torch.full((3, 2), float(i)) for i in range(4)]
    rows = spilled(iter(parts), (2,), tmp_path / "cache", 1 << 20)
    assert torch.equal(rows[torch.arange(12)], torch.cat(parts))
    assert list((tmp_path / "cache").iterdir()) == []
    assert len(spilled([], (2,), None, 1)) == 0


def test_a_disk_without_room_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match="no more could be"):
        spilled([torch.zeros(1, 2)], (2,), tmp_path / "file", 1)


def test_features_are_read_at_once_unless_a_limit_leaves_too_little() -> None:
    assert holds_matrix(10**9, 1280)
    with at_most(resident() + 2**30):
        assert holds_matrix(10_000, 1280)
        assert not holds_matrix(10**6, 1280)
