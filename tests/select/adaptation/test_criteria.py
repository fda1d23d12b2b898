"""Criteria without labels of the target: against skada's on the same numbers, and what each is to prefer."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from warmstart.errors import DataError, RunError
from warmstart.select.adaptation.answers import Answers, Floats
from warmstart.select.adaptation.dev import density_ratio, dev
from warmstart.select.adaptation.entropy import entropy
from warmstart.select.adaptation.mano import mano
from warmstart.select.adaptation.registry import criteria
from warmstart.select.adaptation.snd import snd

CLASSES = 5


def answers(seed: int = 0, *, m: int = 60, scale: float = 3.0, **parts: Any) -> Answers:
    rng = np.random.default_rng(seed)
    drawn = {
        "logits": scale * rng.normal(size=(m, CLASSES)),
        "target": rng.normal(size=(m, 4)) + 0.7,
        "train": rng.normal(size=(80, 4)),
        "held_out": rng.normal(size=(40, 4)),
        "losses": rng.exponential(size=40),
    }
    return Answers(**{**drawn, **parts})


def skada_score(scorer: Any, logits: Floats) -> float:
    """The score of a model that gives these logits for the target, as skada asks it."""
    probabilities = softmax(logits, axis=1)

    class Fixed:
        def predict_proba(self, x: Any, **_: object) -> Floats:
            return probabilities

    x, y = np.zeros((len(logits) + 2, 1)), np.zeros(len(logits) + 2, dtype=np.int64)
    y[:2] = (0, 1)
    domain = np.concatenate([[1, 1], np.full(len(logits), -2)])
    return float(scorer._score(None, Fixed(), x, y, sample_domain=domain))


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0, 100.0])
def test_entropy_and_density_are_those_of_skada(scale: float) -> None:
    metrics = pytest.importorskip("skada.metrics")
    mine = answers(scale=scale)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = skada_score(metrics.PredictionEntropyScorer(greater_is_better=True), mine.logits)
        density = skada_score(metrics.SoftNeighborhoodDensity(), mine.logits)
    assert entropy(mine) == pytest.approx(CLASSES * whole, rel=1e-5, abs=1e-6)  # skada's mean is over classes too
    if np.isfinite(density):  # skada takes the logarithm of probabilities that have become 0
        assert snd(mine) == pytest.approx(density, rel=1e-6)
    assert np.isfinite(snd(mine))


@pytest.mark.parametrize("scale", [0.3, 3.0, 60.0])
def test_mano_is_that_of_skada(scale: float) -> None:
    metrics = pytest.importorskip("skada.metrics")
    mine, theirs = answers(scale=scale), metrics.MaNoScorer()
    # skada's own steps one by one: together they change the logits in place before the second takes them
    criterion = theirs._get_criterion(mine.logits.copy())
    normalised = theirs._softrun(mine.logits.copy(), criterion, threshold=5)
    assert theirs.chosen_normalization == ("softmax" if scale == 60 else "taylor")
    assert mano(mine) == pytest.approx(float(np.mean(normalised**4) ** 0.25), rel=1e-9)


def test_deep_embedded_validation_is_that_of_skada() -> None:
    metrics = pytest.importorskip("skada.metrics")
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    rng = np.random.default_rng(3)
    source, target = rng.normal(size=(150, 4)), rng.normal(size=(90, 4)) + 0.5
    labels = rng.integers(0, 4, 150)

    class Model(Pipeline):  # type: ignore[misc]
        def predict_proba(self, x: Any, **_: object) -> Floats:
            found: Floats = softmax(2 * x, axis=1)
            return found

    def column(truth: Any, probabilities: Floats) -> Floats:
        """Losses (n, 1): skada multiplies them with weights (n, 1), and its own losses (n,) become a matrix there."""
        found: Floats = -np.log(probabilities[np.arange(len(truth)), truth])[:, None]
        return found

    scorer = metrics.DeepEmbeddedValidation(
        domain_classifier=make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        loss_func=column,
        random_state=7,
        greater_is_better=True,
    )
    x, y = np.concatenate([source, target]), np.concatenate([labels, np.full(90, -1)])
    domain = np.repeat([1, -2], [150, 90])
    theirs = scorer._score(None, Model([("same", FunctionTransformer())]), x, y, sample_domain=domain)

    train, held_out, _, truth = train_test_split(source, labels, test_size=0.33, random_state=np.random.RandomState(7))
    losses = -np.log(softmax(2 * held_out, axis=1)[np.arange(len(truth)), truth])
    mine = Answers(target @ np.ones((4, CLASSES)), target, train, held_out, losses)
    assert dev(mine) == pytest.approx(theirs, rel=1e-6)


def test_the_estimate_is_nearer_to_the_loss_on_the_target_than_the_loss_on_the_source_is() -> None:
    rng = np.random.default_rng(1)
    source, held_out, target = (rng.normal(size=(4000, 2)) for _ in range(3))
    target[:, 0] += 0.8

    def loss(x: Floats) -> Floats:
        found: Floats = 1 + np.tanh(x[:, 0])
        return found

    found = dev(Answers(np.zeros((4000, 2)), target, source, held_out, loss(held_out)))
    true = loss(target).mean()
    assert abs(found - true) < 0.2 * abs(loss(held_out).mean() - true)


def test_domains_that_a_classifier_never_confuses_give_finite_weights() -> None:
    far = np.full((50, 3), 1e6)
    weights = density_ratio(np.zeros((50, 3)), far, np.zeros((5, 3)))
    assert np.isfinite(weights).all()
    assert (weights < 0.05).all()


@pytest.mark.parametrize("name", ["entropy", "mano"])
def test_a_surer_model_is_preferred(name: str) -> None:
    criterion = criteria[name]
    values = {f"{scale}": criterion.score(answers(scale=scale)) for scale in (0.5, 2.0, 8.0)}
    assert criterion.best(values) == "8.0"


def test_dense_neighbourhoods_are_preferred_to_scattered_ones() -> None:
    groups = np.eye(CLASSES)[np.arange(100) % CLASSES] * 12
    scattered = np.random.default_rng(0).normal(size=(100, CLASSES)) * 3
    values = {name: snd(answers(m=100, logits=x)) for name, x in (("dense", groups), ("scattered", scattered))}
    assert criteria["snd"].best(values) == "dense"
    assert values["dense"] == pytest.approx(np.log(100 / CLASSES - 1), abs=0.01)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), shift=st.floats(-20, 20))
def test_what_does_not_change_the_model_does_not_change_its_value(seed: int, shift: float) -> None:
    """The order of the samples, and of all but MaNo (whose Taylor polynomial is of the logits) a common constant."""
    first = answers(seed)
    order = np.random.default_rng(seed).permutation(60)
    for name in criteria:
        shuffled = answers(seed, logits=first.logits[order], target=first.target[order])
        assert criteria[name].score(shuffled) == pytest.approx(criteria[name].score(first), rel=1e-5)
    moved = answers(seed, logits=first.logits + shift)
    assert entropy(moved) == pytest.approx(entropy(first))
    assert snd(moved) == pytest.approx(snd(first))


def test_similarities_in_blocks_are_those_of_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = snd(answers())
    monkeypatch.setattr("warmstart.select.adaptation.snd.ROWS", 7)
    assert snd(answers()) == pytest.approx(whole, rel=1e-12)


def test_the_first_of_equals_is_taken_and_lower_is_better_where_it_is() -> None:
    assert criteria["snd"].best({"a": 1.0, "b": 2.0, "c": 2.0}) == "b"
    assert criteria["dev"].best({"a": 1.0, "b": -0.5}) == "b"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"losses": np.ones(39)}, "shapes"),
        ({"held_out": np.ones((40, 3))}, "shapes"),
        ({"logits": np.full((60, CLASSES), np.nan)}, "not finite"),
    ],
)
def test_what_is_no_answer_is_refused(parts: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        answers(**parts)


def test_an_unknown_criterion_is_told_with_those_there_are() -> None:
    with pytest.raises(RunError, match="dev, entropy, mano, snd"):
        criteria["accuracy"]
