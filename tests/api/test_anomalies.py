"""Anomalies from the data to a bundle that finds them, for images, texts and series; and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import warmstart
from tests.newsroom import news
from warmstart.api.fit import FitResult, fit
from warmstart.data.schema import Dataset, Sample, Series
from warmstart.data.targets import ClassTarget
from warmstart.errors import DataError, RecipeError
from warmstart.shipping.bundle import Bundle

Images = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


@pytest.fixture(scope="module")
def digits() -> Images:
    """300 of scikit-learn's digits, about half of them zeros, and the digit of each."""
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    zeros, others = (order[(found.target[order] == 0) == yes] for yes in (True, False))
    kept = np.concatenate([zeros[:160], others[:140]])
    return (found.images[kept] * (255 / 16)).astype(np.uint8), found.target[kept]


@pytest.fixture(scope="module")
def run(digits: Images, tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    """The whole ladder on digits of which zero is normal."""
    place = tmp_path_factory.mktemp("anomalies")
    return fit(digits, normal="0", backbone="toy", out=place / "run", cache=place / "cache")


def test_the_ladder_finds_digits_that_are_no_zeros_and_says_how_well(run: FitResult) -> None:
    found = run.outcome
    assert found.task == "anomaly"
    assert found.metric == "auroc"
    assert [rung.name for rung in found.rungs][:3] == ["pixels", "probe", "mahalanobis"]
    assert found.test["auroc"].value > 0.9
    assert found.test["passed"].value > 0.9
    assert "of all pairs (area under the ROC curve)" in found.verdict
    assert "against distances of raw pixels" in found.verdict
    assert found.split["train"] == 96, "of 160 zeros; anomalies are not learned from"


def test_answers_say_score_p_value_and_alarm(run: FitResult, digits: Images) -> None:
    rows = run.predict(list(digits[0]))
    odd, alarm = digits[1] != 0, np.array([row["anomaly"] for row in rows])
    assert alarm[odd].mean() > 0.6
    assert alarm[~odd].mean() < 0.05
    p = np.array([row["p_value"] for row in rows])
    assert (alarm == (p <= 0.01)).all(), "there are more than 99 normal samples to say so"
    scores = np.array([row["score"] for row in rows])
    assert (np.diff(p[np.argsort(scores)]) <= 0).all()


def test_the_bundle_answers_the_same_when_it_is_loaded_again_and_holds_no_pickle(
    run: FitResult, digits: Images
) -> None:
    loaded = Bundle.load(run.bundle)
    again, one = loaded.predict(list(digits[0][:20])), loaded.predict(list(digits[0][:20]), batch_size=3)
    assert [row["score"] for row in again] == pytest.approx([row["score"] for row in one], rel=1e-4)
    endings = {path.suffix for path in run.bundle.iterdir()}
    assert endings <= {".json", ".safetensors", ".png", ".yaml", ".md"}


def test_the_report_shows_scores_of_both_kinds_and_the_farthest(run: FitResult) -> None:
    page = run.report.read_text(encoding="utf-8")
    assert 'class="part better"' in page
    assert 'class="part worse"' in page
    assert "<title>alarm</title>" in page
    assert "Farthest from normal" in page
    scores = [one.loss for one in run.outcome.shown if one.worst]
    assert scores == sorted(scores, reverse=True)
    card = (run.bundle / "README.md").read_text(encoding="utf-8")
    assert "It says whether an input is normal" in card


def test_a_bundle_is_measured_on_other_data_where_labels_may_be_new(run: FitResult, digits: Images) -> None:
    images, labels = digits
    names = np.where(labels == 0, "0", "scratched")
    found = warmstart.evaluate(run.bundle, (images, names))
    assert found["metrics"]["auroc"].value > 0.9
    odd = warmstart.evaluate(run.bundle, (images[labels != 0], names[labels != 0]))
    assert set(odd["metrics"]) == {"recall", "surprise"}, "without a normal sample there are no false alarms"


def test_without_any_anomaly_a_model_is_shipped_and_nothing_else_is_claimed(digits: Images, tmp_path: Path) -> None:
    images, labels = digits
    told: list[str] = []
    result = fit(
        (images[labels == 0], None),
        task="anomaly",
        backbone="toy",
        out=tmp_path / "run",
        listener=lambda event: told.append(getattr(event, "text", "")),
    )
    assert result.outcome.metric == "passed"
    assert set(result.outcome.test) == {"passed", "surprise"}
    assert "How well anomalies are found cannot be said" in result.outcome.verdict
    assert result.outcome.chosen == "probe"
    assert "the test part holds no anomaly: what is measured there are false alarms alone" in told
    assert result.predict([255 - images[0]])[0]["anomaly"]


def test_the_user_names_the_distance(digits: Images, tmp_path: Path) -> None:
    recipe = "probe?heads=mahalanobis"
    result = fit(digits, normal="0", backbone="toy", recipe=recipe, baseline="none", out=tmp_path / "run")
    assert result.outcome.chosen == recipe
    assert Bundle.load(result.bundle).networks[0].head.config["kind"] == "mahalanobis"  # type: ignore[index]


def test_what_trains_is_refused_before_anything_is_written(digits: Images, tmp_path: Path) -> None:
    for recipe in ("finetune", "lp_ft", "scratch"):
        with pytest.raises(RecipeError, match="in which there is nothing to train"):
            fit(digits, normal="0", backbone="toy", recipe=recipe, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(RecipeError, match="in which there is nothing to train"):
        warmstart.compare(digits, normal="0", backbones="toy", methods="probe,finetune", out=tmp_path / "compare")


@pytest.mark.slow
def test_methods_are_compared_by_what_they_find(digits: Images, tmp_path: Path) -> None:
    found = warmstart.compare(digits, normal="0", backbones="toy", folds=3, out=tmp_path / "run").comparison
    assert [entry.method for entry in found.entries] == ["pixels", "probe", "probe?heads=mahalanobis"]
    assert all(entry.metrics["auroc"].value > 0.9 for entry in found.entries)
    images, labels = digits
    with pytest.raises(DataError, match="not both in each"):
        warmstart.compare((images[labels == 0], None), task="anomaly", backbones="toy", out=tmp_path / "none")


@pytest.mark.slow
def test_news_of_another_topic_is_found(tmp_path: Path) -> None:
    rows = news(per_class=30)
    data = [text for text, _ in rows], [topic for _, topic in rows]
    result = fit(data, normal="sport", recipe="probe", out=tmp_path / "run", size=32)
    by_name = {rung.name: rung for rung in result.outcome.rungs}
    assert set(by_name) == {"tfidf", "probe", "final"}
    assert result.outcome.test["auroc"].value > 0.9
    rows_of = result.predict(["The bank raised interest rates again.", "The coach won the final on Sunday."])
    assert rows_of[0]["score"] > rows_of[1]["score"]


def test_series_of_another_shape_are_found(tmp_path: Path) -> None:
    rng, steps = np.random.default_rng(0), np.linspace(0, 4 * np.pi, 64)
    samples = []
    for i in range(120):
        odd = i % 4 == 0
        wave = np.sin(steps + rng.uniform(0, 6)) + 0.1 * rng.normal(size=64)
        wave[20:30] += 3.0 * odd
        series = Series(wave[None].astype(np.float32))
        samples.append(Sample(f"row-{i}", series, "spike" if odd else "ok"))
    data = Dataset(tuple(samples), ClassTarget(("ok", "spike")), "waves")
    result = fit(data, task="anomaly", backbone="toy_series", out=tmp_path / "run")
    assert result.outcome.test["auroc"].value > 0.8
    assert result.outcome.rungs[0].name == "steps"
    assert "distance to the 2 nearest normal samples" in result.outcome.rungs[0].about
