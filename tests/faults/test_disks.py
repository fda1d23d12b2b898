"""Rows 27 and 31 on real disks: one that is full, and one that is for reading alone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.helpers import tuning
from tests.faults.conftest import QUICK
from tests.faults.test_training import stopped, tuned, written
from tests.faults.ways import Way
from warmstart.api.fit import fit

ROOM = ("make room", "free some space")
SIZE = 20 << 20
Left = Callable[[int], None]


class Disk:
    """A small disk of memory."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._ballast = folder, folder / "ballast"

    def leave(self, free: int) -> None:
        """Fill it until so many bytes are free."""
        self._ballast.unlink(missing_ok=True)
        with self._ballast.open("wb") as file:
            file.write(b"\0" * max(0, shutil.disk_usage(self.folder).free - free))

    def empty(self) -> None:
        """Take out what fills it."""
        self._ballast.unlink(missing_ok=True)

    def read_only(self, on: bool = True) -> None:
        """As a share that may be read alone."""
        subprocess.run(["mount", "-o", f"remount,{'ro' if on else 'rw'}", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here: it takes Linux and the rights of root")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.safetensors"))}


@pytest.mark.slow
@pytest.mark.parametrize("free", [1 << 20, 0], ids=["too little for a checkpoint", "nothing"])
def test_27_a_run_on_a_full_disk_stops_and_goes_on_when_there_is_room(
    free: int, way: Way, digits_folder: Path, tmp_path: Path, disk: Disk
) -> None:
    stopped(disk.folder / "cut", digits_folder)
    before = files(disk.folder / "cut" / "rungs")
    disk.leave(free)
    again = {"recipe": written(tmp_path / "r.yaml"), "resume": str(disk.folder / "cut")}
    said = tuned(way, digits_folder, **again)
    assert said.code == 2
    assert any(said.told(words) for words in ROOM)
    assert not said.told("fault of warmstart")
    assert files(disk.folder / "cut" / "rungs") == before
    disk.empty()
    assert tuned(way, digits_folder, **again).code == 0
    whole = fit(digits_folder, out=tmp_path / "whole", recipe=tuning(3), backbone="toy", baseline="none")
    assert files(disk.folder / "cut" / "bundle") == files(whole.bundle)


def test_27_nothing_is_begun_on_a_disk_for_reading_alone(
    way: Way, digits_folder: Path, bundle: Path, disk: Disk
) -> None:
    disk.read_only()
    for said in (
        way("fit", digits_folder, out=str(disk.folder / "run"), **QUICK),
        way("predict", bundle, digits_folder, out=str(disk.folder / "answers.csv")),
        way("export", bundle, format="torch", out=str(disk.folder / "model.pt2")),
    ):
        assert said.code == 2, said.words
        assert said.told("Read-only file system")
        assert not said.told("fault of warmstart")


def test_27_answers_that_a_full_disk_cut_short_are_no_table(
    way: Way, digits_folder: Path, bundle: Path, disk: Disk
) -> None:
    out = disk.folder / "answers.csv"
    disk.leave(4096)
    said = way("predict", bundle, digits_folder, out=str(out))
    assert said.code == 2
    assert said.told("answers.csv", "No space left", "make room")
    assert not out.exists()
    disk.empty()
    assert way("predict", bundle, digits_folder, out=str(out)).code == 0
    assert out.read_text().count("\n") == 61


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_31_a_cache_that_cannot_be_written_costs_a_warning_and_not_the_run(
    how: str, way: Way, digits_folder: Path, tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.leave(0) if how == "full" else disk.read_only()
    said = way("fit", digits_folder, cache=str(disk.folder / "cache"), out=str(tmp_path / "run"), **QUICK)
    assert said.code == 0
    assert "nothing more is stored in" in f"{said.words} {caplog.text}"
