"""What is on disk is whole or not used, and last and best are always there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.engine.helpers import identical, make_data, make_network, train
from warmstart.engine import checkpoint
from warmstart.engine.checkpoint import PhaseFolder, Record, read, write
from warmstart.errors import RunError
from warmstart.recipe.phase import Phase


def record(value: float) -> Record:
    return Record({"a/w": torch.full((300,), value), "a/n": torch.tensor(3)}, {"epoch": value, "rows": [1, None, "x"]})


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "x.safetensors", record(0.1))
    found = read(tmp_path / "deep" / "x.safetensors")
    assert found is not None
    assert found.state == record(0.1).state
    assert identical(found.part("a"), {"w": torch.full((300,), 0.1), "n": torch.tensor(3)})


@pytest.mark.parametrize("damage", [cut_short, flip_a_bit, empty, Path.unlink])
def test_a_damaged_last_checkpoint_is_never_read_and_the_one_before_it_is(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    files = PhaseFolder(tmp_path)
    files.save_last(record(1))
    files.save_last(record(2))
    damage(files.last)
    found = files.load_last()
    assert found is not None
    assert found.state["epoch"] == 1
    damage(files.previous)
    assert files.load_last() is None


@pytest.mark.parametrize("moment", ["save_file", "sync"])
def test_a_failure_while_saving_leaves_the_old_checkpoint_whole(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = PhaseFolder(tmp_path)
    files.save_last(record(1))

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, moment, fail)
    with pytest.raises(RunError, match="No space left"):
        files.save_last(record(2))
    found = files.load_last()
    assert found is not None
    assert found.state["epoch"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["last.safetensors"]


def test_a_kill_between_two_renames_costs_one_checkpoint_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = PhaseFolder(tmp_path)
    files.save_last(record(1))
    replace = Path.replace

    def killed(path: Path, target: Path) -> Path:
        if path.name.endswith(".tmp"):
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        files.save_last(record(2))
    found = files.load_last()
    assert found is not None
    assert found.state["epoch"] == 1


def test_space_is_checked_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(RunError, match="are free on the disk"):
        write(tmp_path / "x.safetensors", record(1))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RunError, match="are free on the disk"):  # before training, not after its first epoch
        train(Phase(epochs=1), make_network(), make_data(), folder=tmp_path / "run")


def test_last_and_best_are_both_there_after_a_phase_and_best_is_complete(tmp_path: Path) -> None:
    network, files = make_network(), PhaseFolder(tmp_path)
    phase = Phase(rates=(("head", 1e-2), ("*", None)), epochs=4, batch_size=8, ema=0.5)
    result = train(phase, network, make_data(), folder=tmp_path)
    best, last = files.load_best(), files.load_last()
    assert best is not None
    assert last is not None
    assert identical(best.part("model"), result.best)
    assert tuple(best.state["score"]) == result.score
    assert last.state["progress"]["finished"] == "all epochs"
    assert best.part("model").keys() == network.state_dict().keys() == last.part("model").keys()


def test_without_validation_best_is_last_and_there_too(tmp_path: Path) -> None:
    result = train(Phase(epochs=2, batch_size=8), make_network(), make_data(val=0), folder=tmp_path)
    best = PhaseFolder(tmp_path).load_best()
    assert best is not None
    assert identical(best.part("model"), result.last)
    assert identical(result.best, result.last)
    assert result.score is None


def test_a_phase_whose_checkpoints_are_all_damaged_starts_anew_and_ends_the_same(tmp_path: Path) -> None:
    phase, files = Phase(epochs=2, batch_size=8), PhaseFolder(tmp_path)
    first = train(phase, make_network(), make_data(), folder=tmp_path)
    for path in (files.last, files.best):
        flip_a_bit(path)
    files.previous.unlink(missing_ok=True)
    again = train(phase, make_network(), make_data(), folder=tmp_path)
    assert identical(first.last, again.last)
    assert identical(first.best, again.best)
