"""Texts that are written, by small models with random weights that are saved as transformers saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.model.text.writers import save_writer
from warmstart.api.compare import compare
from warmstart.api.evaluate import evaluate
from warmstart.api.fit import FitResult, fit
from warmstart.api.predict import predict
from warmstart.errors import BackboneError, DataError, RecipeError
from warmstart.model.text.writing import write
from warmstart.preprocess.kinds import of_texts
from warmstart.shipping.bundle import Bundle

COLUMNS: dict[str, Any] = {"text_column": "question", "label_column": "reply"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The second of two words is the reply."""
    words = ["cat", "dog", "sun", "sea", "tree", "rock", "bird", "fish"]
    rows = [(f"{a} {b}", b) for a in words for b in words]
    path = tmp_path_factory.mktemp("replies") / "replies.csv"
    pd.DataFrame(rows, columns=["question", "reply"]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module", params=["gpt2", "t5"])
def fitted(request: pytest.FixtureRequest, table: Path, tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    place = tmp_path_factory.mktemp(request.param)
    model = save_writer(place / "model", request.param, sure=False)
    recipe = "finetune?from_block=0&epochs=2&head=1&lr=0.001"
    backbone = f"hf:{model}?size=16"
    return fit(table, task="generate", backbone=backbone, recipe=recipe, out=place / "run", cache=place, **COLUMNS)


def test_a_model_that_writes_is_tuned_measured_and_shown(fitted: FitResult) -> None:
    outcome = fitted.outcome
    assert (outcome.task, outcome.metric) == ("generate", "exact_match")
    assert outcome.rungs[0].name == "nearest"
    assert {"token_accuracy", "perplexity", "rouge1", "rougeL", "bleu", "chrf"} <= set(outcome.test)
    assert all(one.true in {"cat", "dog", "sun", "sea", "tree", "rock", "bird", "fish"} for one in outcome.shown)
    page = fitted.report.read_text(encoding="utf-8")
    assert "Written freely" in page
    assert "What is to be written has 1 to 1 words" in page


def test_the_bundle_writes_what_its_network_writes(fitted: FitResult) -> None:
    bundle, texts = Bundle.load(fitted.bundle), ["cat sun", "sea dog"]
    rows = predict(fitted.bundle, [*texts, " "])
    wanted = write(
        bundle.networks[0], of_texts(bundle.spec), [(text,) for text in texts], max_new_tokens=bundle.manifest.longest
    )
    assert [row["text"] for row in rows] == [*wanted, None]
    assert rows[2]["error"]
    with pytest.raises(DataError, match="empty"):
        predict(fitted.bundle, [" "], on_error="stop")


def test_it_is_measured_on_other_data_as_on_its_own(fitted: FitResult, table: Path) -> None:
    found = evaluate(fitted.bundle, table, **COLUMNS)
    assert found["n"] == 64
    assert {"exact_match", "log_loss", "rouge1"} <= set(found["metrics"])


def test_a_model_that_writes_nothing_is_refused_with_what_to_name(table: Path) -> None:
    with pytest.raises(BackboneError, match="writes no texts") as caught:
        fit(table, task="generate", **COLUMNS)
    assert "gpt2" in str(caught.value)


def test_a_head_in_closed_form_is_refused_where_texts_are_written(table: Path, tmp_path: Path) -> None:
    model = save_writer(tmp_path / "model", "t5", sure=False)
    with pytest.raises(RecipeError, match="closed form"):
        fit(table, task="generate", backbone=f"hf:{model}?size=16", recipe="probe", **COLUMNS)


def test_methods_that_write_are_compared(table: Path, tmp_path: Path) -> None:
    model = save_writer(tmp_path / "model", "gpt2", sure=False)
    done = compare(
        table,
        task="generate",
        backbones=f"hf:{model}?size=16",
        methods="nearest,head_only?epochs=1",
        folds=2,
        out=tmp_path / "run",
        **COLUMNS,
    )
    assert {entry.name for entry in done.comparison.entries} == {"nearest", "head_only?epochs=1"}
    assert done.comparison.metric == "exact_match"
