"""The benchmark of the GPU runs on what is at hand, here a CPU, and counts what it says it counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from benchmarks.gpu.__main__ import line, main
from benchmarks.gpu.setting import CLASSES, flops, write_images
from torch import nn


def test_operations_are_two_per_multiply_add_and_three_times_as_many_with_gradients() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1))
    assert flops(network, 8, "extract") == 2 * 64 * (3 * 4 + 4 * 2)
    assert flops(network, 8, "finetune") == 2 * 64 * (2 * 3 * 4 + 3 * 4 * 2)  # no gradient of the images


def test_a_ratio_compares_the_rounds_that_ran_in_turn() -> None:
    row = {"network": "n", "work": "extract", "source": "memory", "flops": 10.0, "peak": 4000.0}
    own = {**row, "contender": "warmstart", "rates": [100.0, 200.0, 300.0]}
    other = {**row, "contender": "plain", "rates": [50.0, 200.0, 100.0]}
    assert line(other, [own, other]) == "| n | extract | memory | plain | 100 | 2.00 (1.00 to 3.00) | 25.0% |"


def test_files_are_written_once_and_in_a_folder_for_each_class(tmp_path: Path) -> None:
    write_images(tmp_path, 2 * CLASSES)
    files = sorted(tmp_path.rglob("*.jpg"))
    before = [file.stat().st_mtime_ns for file in files]
    write_images(tmp_path, 2 * CLASSES)
    assert len(files) == 2 * CLASSES
    assert len({file.parent for file in files}) == CLASSES
    assert [file.stat().st_mtime_ns for file in files] == before


@pytest.mark.slow
def test_all_contenders_run_and_the_table_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    main(["--quick", "--images", "16", "--rounds", "1", "--out", str(tmp_path)])
    found = json.loads((tmp_path / "gpu.json").read_text())
    rows = {(row["work"], row["source"], row["contender"]) for row in found["rows"]}
    assert len(rows) == len(found["rows"]) == 2 * 2 * 3
    assert all(rate > 0 for row in found["rows"] for rate in row["rates"])
    assert found["facts"]["device"] == "CPU"
    page = (tmp_path / "gpu.md").read_text()
    assert page.count("| test_resnet |") == 12
