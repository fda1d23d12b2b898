"""What a fit says of sets of classes and of images that are like nothing it was trained on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from tests.api.helpers import quick, tuning
from warmstart.api.evaluate import evaluate
from warmstart.api.fit import FitResult
from warmstart.api.predict import predict
from warmstart.errors import DataError
from warmstart.model.catalog import load_backbone
from warmstart.model.modes import evaluating
from warmstart.preprocess.image import normalise, read_pixels
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.reference import NAME


def flagged(run: FitResult, images: list[np.ndarray]) -> float:
    return float(np.mean([row["unknown"] for row in run.predict(images)]))


def opened(folder: Path) -> list[np.ndarray]:
    return [np.asarray(Image.open(file).convert("RGB")) for file in sorted(folder.rglob("*.png"))]


def test_noise_and_inverted_images_are_unknown_and_digits_are_not(fitted: FitResult, digits_folder: Path) -> None:
    digits, rng = opened(digits_folder), np.random.default_rng(0)
    assert flagged(fitted, digits) <= 0.1
    assert flagged(fitted, [rng.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(30)]) > 0.9
    assert flagged(fitted, [255 - image for image in digits]) > 0.9


def test_the_outcome_says_what_the_bundle_does(fitted: FitResult) -> None:
    found, bundle = fitted.outcome.unknowns, Bundle.load(fitted.bundle)
    assert found is not None
    assert bundle.reference is not None
    assert bundle.reference.bank is not None
    assert bundle.reference.scores is not None
    assert (found.threshold, found.bank) == (bundle.reference.bank.threshold, len(bundle.reference.bank.rows))
    assert (found.bank, found.measured, len(bundle.reference.scores)) == (36, 12, 12)
    assert found.flagged is not None
    assert [coverage.asked for coverage in fitted.outcome.coverages] == [0.8, 0.9]  # 0.95 takes 19 samples, not 12
    report = fitted.report.read_text().replace("\u202f", " ")
    assert "There are 12 validation images: 95 % takes 19 of them at least." in report


def test_predict_evaluate_and_the_outcome_agree(fitted: FitResult, digits_folder: Path) -> None:
    rows = predict(fitted.bundle, digits_folder, coverage=0.9)
    found = evaluate(fitted.bundle, digits_folder, coverage=0.9)
    held = [Path(row["input"]).parent.name in row["set"] for row in rows]
    assert found["coverage"].reached.value == pytest.approx(np.mean(held))
    assert found["coverage"].size == pytest.approx(np.mean([len(row["set"]) for row in rows]))
    assert found["unknown"] == pytest.approx(np.mean([row["unknown"] for row in rows]))
    assert evaluate(fitted.bundle, digits_folder)["coverage"] is None
    with pytest.raises(DataError, match="12 validation samples"):
        evaluate(fitted.bundle, digits_folder, coverage=0.95)


def test_the_csv_holds_sets_as_lists_where_they_were_asked(
    fitted: FitResult, digits_folder: Path, tmp_path: Path
) -> None:
    predict(fitted.bundle, digits_folder / "0", coverage=0.5, out=tmp_path / "answers.csv")
    head, first, *_ = (tmp_path / "answers.csv").read_text().splitlines()
    assert head.split(",")[:6] == ["input", "label", "probability", "unknown", "distance", "set"]
    assert '[""0""' in first


def test_of_a_tuned_network_that_was_fitted_again_the_bank_is_its_own(digits_folder: Path, tmp_path: Path) -> None:
    run = quick(digits_folder, tmp_path / "run", recipe=tuning(2))
    bundle = Bundle.load(run.bundle)
    assert [rung.name for rung in run.outcome.rungs][-1] == "final"
    assert bundle.reference is not None
    assert bundle.reference.bank is not None
    assert bundle.reference.scores is not None
    kept = bundle.reference.bank.rows.float()
    assert len(kept) == 36  # validation is not among them, though it was learned from
    pixels = [read_pixels(file, bundle.preprocess) for file in sorted(digits_folder.rglob("*.png"))]
    off = {}
    for name, backbone in (("final", bundle.networks[0].facts), ("pretrained", load_backbone("toy"))):
        with evaluating(backbone.module), torch.inference_mode():
            features = functional.normalize(backbone.chain(normalise(pixels, bundle.preprocess)), dim=1)
        off[name] = float((kept[:, None] - features).abs().amax(2).amin(1).max())
    assert off["final"] < 5e-4 < off["pretrained"]


def test_a_network_whose_features_would_take_too_long_is_shipped_without_and_that_is_told(
    digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warmstart.engine.ladder.context.LadderContext.operations", lambda *args: 1e18)
    run = quick(digits_folder, tmp_path / "run")
    assert run.outcome.unknowns is None
    assert run.outcome.coverages
    assert any("will not tell what is unknown" in decision for decision in run.outcome.decisions)
    row = run.predict([next(iter(sorted(digits_folder.rglob("*.png"))))], coverage=0.8)[0]
    assert (row["unknown"], row["distance"]) == (None, None)
    assert row["label"] in row["set"]
    assert evaluate(run.bundle, digits_folder)["unknown"] is None


def test_without_a_test_set_neither_is_measured_and_both_are_shipped(digits_folder: Path, tmp_path: Path) -> None:
    run = quick(digits_folder, tmp_path / "run", test=0)
    assert run.outcome.coverages == ()
    assert run.outcome.unknowns is not None
    assert run.outcome.unknowns.flagged is None
    assert (run.bundle / NAME).is_file()
    shutil.rmtree(digits_folder)
    assert "Like nothing it has seen" in run.report.read_text()
