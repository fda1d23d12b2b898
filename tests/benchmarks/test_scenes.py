"""Pretrained against from scratch on scenes, in miniature: what is measured, and what is not measured again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from benchmarks.packages import UnavailableError
from benchmarks.scenes_table import table

from benchmarks import scenes
from warmstart.data.synthetic.scenes import write_scenes


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two cells, one of which cannot be had, on the smallest backbone."""
    written = write_scenes(tmp_path / "scenes", 12, size=(64, 64))

    def missing() -> Path:
        raise UnavailableError("no package here")

    cell = dataclasses.replace(scenes.CELLS["shapes-masks"], data=lambda: written, head="unet?channels=8,8", size=64)
    monkeypatch.setattr(scenes, "BACKBONE", "toy")
    other = dataclasses.replace(cell, name="trees", data=missing)
    monkeypatch.setattr(scenes, "CELLS", {"shapes-masks": cell, "trees": other})
    monkeypatch.setenv("WARMSTART_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "out"


def test_both_methods_make_as_many_steps_and_only_one_starts_from_pretrained_weights() -> None:
    transfer, scratch = scenes.recipes((2, 3))
    assert [[step.epochs for step in one.steps] for one in (transfer, scratch)] == [[2, 3], [5]]  # type: ignore[union-attr]
    assert (transfer.edits.reset, scratch.edits.reset) == (False, True)
    for name in ("batch_size", "augment"):
        assert len({getattr(step, name) for step in (*transfer.steps, *scratch.steps)}) == 1


def test_a_cell_is_measured_once_and_what_cannot_be_had_is_skipped(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--quick", "--cells", "shapes-masks", "trees", "--out", str(small)]
    scenes.main(words)
    assert "trees is skipped: no package here" in capsys.readouterr().out
    (found,) = json.loads((small / "scenes.json").read_text()).values()
    assert (found["train"], found["steps"]) == ([6, 6], [2, 2])
    for one in found["metrics"].values():
        assert one["units"] == 12
        gap = one["transfer"]["value"] - one["scratch"]["value"]
        assert one["difference"]["value"] == pytest.approx(gap)
        assert one["difference"]["low"] <= gap <= one["difference"]["high"]
    before = (small / "scenes.json").stat().st_mtime_ns
    scenes.main(words)
    assert (small / "scenes.json").stat().st_mtime_ns == before
    assert "| shapes-masks |" in capsys.readouterr().out


def test_the_table_tells_the_difference_of_each_seed_in_points() -> None:
    side = {"value": 0.5, "seeds": [0.4, 0.6]}
    other = {"value": 0.4, "seeds": [0.4, 0.4]}
    gap = {"value": 0.1, "low": 0.05, "high": 0.15, "p": 0.01, "finding": "better"}
    cell = {"about": "photos", "tile": 64, "size": 32, "samples": 9, "how": "2 folds; no part", "train": [4, 5]}
    cell |= {"steps": [10, 12], "epochs": [1, 2], "batch": 4, "augment": "light", "load": 0.1, "machine": "m"}
    cell |= {"head": "unet", "seconds": {"transfer": [1.0], "scratch": [2.0]}}
    cell["metrics"] = {"miou": {"transfer": side, "scratch": other, "difference": gap, "units": 3}}
    text = table({"photos": cell})
    assert "| mean IoU | 50.0 | 40.0 | +10.0 (+5.0 to +15.0) | +0.0, +20.0 | better, p 0.01 |" in text
    assert "cut into tiles of 64 px, seen at 32 px: 9 samples of 3 images; 2 folds." in text
    assert "4 to 5 samples in batches of 4, augmentation `light`, 10 to 12 steps each" in text
