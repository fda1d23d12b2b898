from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from warmstart.errors import BundleError, RunError
from warmstart.shipping.files import new_folder, sha256, verified


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "out") as temporary:
        (temporary / "a").write_text("a")
        assert not (tmp_path / "deep" / "out").exists()
    assert names(tmp_path / "deep") == ["out"]
    assert (tmp_path / "deep" / "out" / "a").read_text() == "a"


def write(out: Path, and_then: Callable[[], object]) -> None:
    with new_folder(out) as temporary:
        (temporary / "a").write_text("a")
        and_then()


def full_disk() -> None:
    raise OSError("no space left on device")


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no space"):
        write(tmp_path / "out", full_disk)
    assert names(tmp_path) == []


@pytest.mark.parametrize("what", ["folder", "empty folder", "file", "dangling link"])
def test_nothing_that_exists_is_overwritten(tmp_path: Path, what: str) -> None:
    out = tmp_path / "out"
    match what:
        case "file":
            out.write_text("mine")
        case "dangling link":
            out.symlink_to(tmp_path / "nowhere")
        case _:
            out.mkdir()
            if what == "folder":
                (out / "mine").write_text("mine")
    with pytest.raises(RunError, match="exists already"), new_folder(out):
        pass
    assert names(tmp_path) == ["out"]


def test_a_folder_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(RunError):
        write(tmp_path / "out", (tmp_path / "out").mkdir)
    assert names(tmp_path / "out") == []


def test_only_the_content_that_was_written_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"right")
    assert verified(tmp_path, "a", sha256(b"right")) == b"right"
    (tmp_path / "a").write_bytes(b"wrong")
    with pytest.raises(BundleError, match="a was changed or damaged"):
        verified(tmp_path, "a", sha256(b"right"))
    (tmp_path / "a").unlink()
    with pytest.raises(BundleError, match="cannot be read"):
        verified(tmp_path, "a", sha256(b"right"))
