"""A baseline that no transfer beats is what `fit` ships: MiniRocket, from the ladder to a bundle that is read again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import warmstart
from tests.engine.ladder.ucr import ucr
from warmstart.api.fit import FitResult
from warmstart.data.schema import Dataset, Sample, Series
from warmstart.data.targets import NumberTarget
from warmstart.model.catalog import load_backbone
from warmstart.shipping.bundle import Bundle


@pytest.fixture(scope="module")
def gunpoint() -> Dataset:
    return ucr("GunPoint")


@pytest.fixture(autouse=True)
def without_aeon(monkeypatch: pytest.MonkeyPatch) -> None:
    """MultiRocket-Hydra takes its time, and cannot be shipped."""
    monkeypatch.setattr("warmstart.engine.ladder.simple.has_aeon", lambda: False)


@pytest.fixture(scope="module")
def shipped(gunpoint: Dataset, tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    folder = tmp_path_factory.mktemp("shipped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warmstart.engine.ladder.simple.has_aeon", lambda: False)
        return warmstart.fit(gunpoint, backbone="toy_series", budget="2m", out=folder / "run", cache=folder / "cache")


def test_the_ladder_ships_it_and_says_that_transfer_did_not_help(shipped: FitResult) -> None:
    found = shipped.outcome
    assert (found.chosen, found.backbone["name"], found.preprocess["scale"]) == ("minirocket", "minirocket", "none")
    rungs = {rung.name: rung for rung in found.rungs}
    assert (rungs["minirocket"].role, rungs["minirocket"].kept) == ("baseline", True)
    assert rungs["minirocket"].why.startswith("no transfer beat it")
    assert found.test["accuracy"].value > 0.97
    assert "MiniRocket and ridge regression, which needs none" in found.verdict
    assert "toy_series" in found.verdict
    compared = {one.than for one in found.differences}
    assert "probe" in compared
    assert "minirocket" not in compared
    assert any("minirocket took its state from 40 training series" in said for said in found.decisions)


def test_it_is_fitted_again_on_all_labels(shipped: FitResult) -> None:
    assert shipped.outcome.rungs[-1].name == "final"
    assert any("minirocket took its state from 50 training series" in said for said in shipped.outcome.decisions)


def test_report_and_card_name_it(shipped: FitResult) -> None:
    card = (shipped.bundle / "README.md").read_text()
    assert "biases are quantiles of your training part" in card
    assert "minirocket" in shipped.report.read_text()


def test_the_bundle_answers_in_a_process_that_has_no_aeon(
    shipped: FitResult, gunpoint: Dataset, tmp_path: Path
) -> None:
    some = [sample for sample in gunpoint.samples if sample.split == "test"][:40]
    np.savetxt(tmp_path / "new.csv", np.stack([sample.source.values[0] for sample in some]), delimiter=",")
    code = (
        "import sys, json; sys.modules['aeon'] = sys.modules['numba'] = None\n"
        "import numpy as np, warmstart\n"
        f"rows = np.loadtxt({str(tmp_path / 'new.csv')!r}, delimiter=',')\n"
        f"print(json.dumps([row['probabilities'] for row in warmstart.predict({str(shipped.bundle)!r}, list(rows))]))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    here = [row["probabilities"] for row in shipped.predict([sample.source for sample in some])]
    there = json.loads(said.splitlines()[-1])
    for one, other in zip(here, there, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    right = [max(one, key=one.get) == sample.label for one, sample in zip(here, some, strict=True)]
    assert np.mean(right) > 0.95


def test_nothing_in_it_can_execute(shipped: FitResult) -> None:
    allowed = {".json", ".safetensors", ".yaml", ".md", ".npy", ".png"}
    assert {path.suffix for path in shipped.bundle.iterdir()} <= allowed
    (network,) = Bundle.load(shipped.bundle).networks
    assert network.facts.card.parameters == 0


def test_evaluated_anew_it_is_as_good(shipped: FitResult, gunpoint: Dataset) -> None:
    test = gunpoint.subset([i for i, sample in enumerate(gunpoint.samples) if sample.split == "test"])
    found = warmstart.evaluate(shipped.bundle, test)
    assert found["metrics"]["accuracy"].value == pytest.approx(shipped.outcome.test["accuracy"].value)


def test_another_run_may_start_from_it_as_it_is(shipped: FitResult, gunpoint: Dataset, tmp_path: Path) -> None:
    uri = f"bundle:{shipped.bundle}"
    biases = load_backbone(uri).module.state_dict()["convolutions.biases"]
    again = warmstart.fit(gunpoint, backbone=uri, budget="1m", out=tmp_path / "run", cache=tmp_path, baseline="none")
    (network,) = Bundle.load(again.bundle).networks
    assert network.backbone.state_dict()["convolutions.biases"].equal(biases)
    assert again.outcome.backbone["trained_on"] == "GunPoint"


def test_asked_for_as_a_backbone_it_has_a_probe_and_nothing_to_tune(gunpoint: Dataset, tmp_path: Path) -> None:
    found = warmstart.fit(gunpoint, backbone="minirocket", budget="1m", out=tmp_path / "run", cache=tmp_path).outcome
    names = [rung.name for rung in found.rungs if not rung.skipped]
    assert names[0] == "steps"
    assert names[-2:] == ["probe", "final"]
    assert not {"minirocket", "lp_ft", "ensemble"} & set(names)
    assert found.test["accuracy"].value > 0.97


def test_numbers_of_several_channels_are_answered_by_it(tmp_path: Path) -> None:
    rng, steps = np.random.default_rng(0), np.linspace(0, 6, 40)
    speeds = rng.uniform(0.5, 3, 120)
    samples = tuple(
        Sample(f"{i}", Series(np.stack([rng.normal(size=40), np.sin(s * steps + rng.uniform(0, 6))])), (float(s),))
        for i, s in enumerate(speeds)
    )
    data = Dataset(samples, NumberTarget.of(("speed",), [(float(s),) for s in speeds]), name="waves")
    result = warmstart.fit(data, backbone="toy_series", budget="1m", out=tmp_path / "run", cache=tmp_path)
    assert result.outcome.chosen == "minirocket"
    assert result.outcome.backbone["name"] == "minirocket?channels=2"
    (row,) = result.predict([samples[0].source])
    assert abs(row["value"] - speeds[0]) < 0.8


def test_a_recipe_that_was_asked_for_is_shipped_whatever_is_better(gunpoint: Dataset, tmp_path: Path) -> None:
    found = warmstart.fit(
        gunpoint, backbone="toy_series", recipe="probe", budget="1m", out=tmp_path / "run", cache=tmp_path
    ).outcome
    assert (found.chosen, found.backbone["name"]) == ("probe", "toy_series")
    assert "minirocket" in {one.than for one in found.differences}
