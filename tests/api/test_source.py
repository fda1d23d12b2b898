"""What one run has trained is where another begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.api.helpers import quick, tuning
from warmstart.api.fit import FitResult
from warmstart.api.recommend import recommend
from warmstart.engine.events import Decided, Event
from warmstart.errors import LicenceError
from warmstart.model.catalog import load_backbone
from warmstart.recipe.methods import load_recipe
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.source import BundleSupplier


def waves(n: int, speed: float, seed: int) -> tuple[np.ndarray, list[str]]:
    rng, time = np.random.default_rng(seed), np.linspace(0, 1, 40)
    series = [np.sin(2 * np.pi * speed * (1 + i % 2) * time) + rng.normal(0, 0.3, 40) for i in range(n)]
    return np.stack(series), ["slow" if i % 2 == 0 else "fast" for i in range(n)]


@pytest.fixture
def source(digits_folder: Path, tmp_path: Path) -> FitResult:
    return quick(digits_folder, tmp_path / "source", recipe=tuning(2), cache=tmp_path / "cache")


def test_a_run_begins_where_another_ended_and_its_bundle_needs_nothing_of_it(
    source: FitResult, digits_folder: Path, tmp_path: Path
) -> None:
    backbone = f"bundle:{source.bundle}"
    told: list[Event] = []
    result = quick(
        digits_folder, tmp_path / "target", backbone=backbone, cache=tmp_path / "cache", listener=told.append
    )
    weights = Bundle.load(source.bundle).networks[0].backbone.state_dict()
    shipped = Bundle.load(result.bundle)
    assert all(
        bool((weights[name] == tensor).all()) for name, tensor in shipped.networks[0].backbone.state_dict().items()
    )
    assert shipped.manifest.backbone.trained_on == "digits"
    assert any(isinstance(event, Decided) and "file:toy@digits.bundle" in event.text for event in told)
    assert "digits" in (result.bundle / "README.md").read_text()
    for path in sorted(source.bundle.iterdir()):
        path.unlink()
    assert Bundle.load(result.bundle).predict([next(digits_folder.rglob("*.png"))])[0]["error"] is None


def test_training_from_scratch_on_a_source_draws_all_its_weights_anew(
    source: FitResult, digits_folder: Path, tmp_path: Path
) -> None:
    scratch = load_recipe("scratch", epochs=1, augment="none")
    options = {"backbone": f"bundle:{source.bundle}", "recipe": scratch, "cache": tmp_path / "cache"}
    result = quick(digits_folder, tmp_path / "scratch", **options)
    assert Bundle.load(result.bundle).manifest.backbone.trained_on.startswith("nothing")


def test_the_licence_of_what_a_bundle_started_from_holds_for_it(
    source: FitResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BundleSupplier, "licence", lambda self, name: "CC-BY-NC-4.0")
    with pytest.raises(LicenceError):
        load_backbone(f"bundle:{source.bundle}")


def test_sources_of_series_are_ranked_by_their_frozen_features(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    names = []
    for speed in (2, 5):
        run = quick(
            waves(40, speed, speed), tmp_path / f"run-{speed}", backbone="toy_series", recipe=tuning(2), cache=cache
        )
        names.append(f"bundle:{run.bundle}")
    found = recommend(
        waves(40, 2, 9), backbones=",".join(names), budget="1m", out=tmp_path / "recommended", cache=cache
    ).recommendation
    assert sorted(one.backbone for one in found.candidates) == sorted(names)
    assert all(set(one.rounds[-1].accuracy) == {"knn", "ridge"} for one in found.candidates)
    assert found.backbone.partition("?")[0] in names
