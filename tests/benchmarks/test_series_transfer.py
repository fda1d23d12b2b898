"""Table B in miniature: two small sets on disk, a few epochs, every cell resumable; and the choice of a source."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import series_choice, series_transfer
from warmstart.model.catalog import load_backbone

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """Waves of three or two shapes under noise, in the form of the archive."""
    rng = np.random.default_rng(0)
    for name, classes, steps in (("ItalyPowerDemand", 2, 24), ("GunPoint", 3, 30), ("ArrowHead", 2, 20)):
        for part in ("TRAIN", "TEST"):
            rows = [
                [i % classes, *(np.sin((1 + i % classes) * np.linspace(0, 6, steps)) + rng.normal(0, 0.1, steps))]
                for i in range(20)
            ]
            folder = tmp_path / "sets" / name
            folder.mkdir(parents=True, exist_ok=True)
            text = "\n".join("\t".join(f"{value:g}" for value in row) for row in rows)
            (folder / f"{name}_{part}.tsv").write_text(text + "\n")
    return tmp_path / "sets"


def run(out: Path, sets: Path, *more: str) -> None:
    chosen = ["--sets", "ItalyPowerDemand", "GunPoint", "ArrowHead"]
    series_transfer.main(["--out", str(out), "--data", str(sets), "--epochs", "2", *chosen, *more])


def test_the_published_table_has_five_rows_from_scratch_and_twenty_transfers() -> None:
    cells = series_transfer.cells(series_transfer.SETS)
    assert len(cells) == len(series_transfer.PUBLISHED) == 25
    assert {(cell.source, cell.target) for cell in cells} == set(series_transfer.PUBLISHED)
    trained = set[str]()
    for cell in cells:  # what a cell starts from is there when its turn comes
        assert cell.source == series_transfer.SCRATCH or cell.source in trained
        trained |= {cell.target} if cell.source == series_transfer.SCRATCH else set()


def test_cells_run_once_and_a_source_is_what_its_own_cell_has_trained(
    sets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    run(out, sets)
    rows = [json.loads(line) for line in (out / "cells.jsonl").read_text().splitlines()]
    assert len(rows) == 9
    assert all(row["epochs"] == 2 and row["best_epoch"] in (1, 2) for row in rows)
    before = (out / "cells.jsonl").read_text()
    run(out, sets)
    assert (out / "cells.jsonl").read_text() == before
    assert "of 9 within 0.03" in capsys.readouterr().out
    backbone = load_backbone(f"file:fcn1d@{out}/GunPoint.safetensors")
    assert backbone.card.name == "file:fcn1d@GunPoint.safetensors"
    drawn = load_backbone("fcn1d")
    moved = [
        not torch.equal(a, b) for a, b in zip(backbone.module.parameters(), drawn.module.parameters(), strict=True)
    ]
    assert any(moved)
    series_choice.main(["--out", str(out), "--data", str(sets)])
    told = capsys.readouterr().out
    assert "| ridge, cross-validated |" in told
    assert "of 3 |" in told


def test_a_cell_that_is_far_from_the_published_is_flagged() -> None:
    rows = {("scratch", "GunPoint"): {"accuracy": 0.9, "published": 1.0}}
    assert "0.900 (-0.100) !" in series_transfer.table(rows)
    assert "0 of 1 within 0.03" in series_transfer.table(rows)


def test_a_choice_is_right_where_no_source_ended_better() -> None:
    ended = {"a": 0.9, "b": 0.9, "c": 0.7}
    said: dict[str, dict[str, series_choice.Rank]]
    said = {"a": {"x": (0.1,), "y": (0.9,)}, "b": {"x": (0.9,), "y": (0.1,)}, "c": {"x": (0.5,), "y": (0.99,)}}
    x, y = series_choice.choices(ended, said, "t")
    assert (x.source, x.lost) == ("b", 0.0)
    assert y.source == "c"
    assert y.lost == pytest.approx(20.0)
