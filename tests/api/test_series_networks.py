"""Series of several channels through networks for one channel, from files to a bundle that is read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

import warmstart
from tests.model.series.foundation import folder
from warmstart.data.schema import Dataset, Sample, Series
from warmstart.data.targets import ClassTarget
from warmstart.model.catalog import load_backbone


def waves(samples: int = 40) -> Dataset:
    """Slow and fast waves of three channels, the last of which is noise."""
    rng, at = np.random.default_rng(0), np.arange(60)
    made = []
    for i in range(samples):
        speed = 4 + 5 * (i % 2)
        values = np.stack([np.sin(at / speed + rng.uniform(0, 6)), np.cos(at / 9), rng.normal(size=60)])
        made.append(Sample(f"{i}", Series(values + 0.1 * rng.normal(size=(3, 60))), ("fast", "slow")[i % 2]))
    return Dataset(tuple(made), ClassTarget(("fast", "slow")), name="waves")


@pytest.mark.parametrize(
    "backbone", ["mantis:./mantis", "chronos:./chronos-bolt", "file:fcn1d@w.safetensors", "inceptiontime"]
)
def test_a_bundle_answers_as_the_run_did(backbone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder(tmp_path, "mantis")
    folder(tmp_path, "chronos-bolt")
    save_file(load_backbone("fcn1d", seed=4).module.state_dict(), "w.safetensors")
    data = waves()
    warmstart.fit(data, backbone=backbone, recipe="probe", out="run", baseline="none")
    for path in ("mantis", "chronos-bolt"):
        (tmp_path / path / "config.json").unlink()
    rows = warmstart.predict("run/bundle", [sample.source for sample in data.samples[:4]])
    assert [row["error"] for row in rows] == [None] * 4
    assert {row["label"] for row in rows} <= {"fast", "slow"}
