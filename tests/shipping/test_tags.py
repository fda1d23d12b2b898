"""A bundle that tags words answers by word, for texts as a user has them, and the same alone and in a batch."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.tagged import TARGET, TASK, tagged_data
from tests.model.text.tiny import save
from warmstart.data.schema import Sample, Text
from warmstart.engine.run import run_recipe
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.recipe.methods import load_recipe
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.write import write_bundle
from warmstart.task.base import suited

PLAIN = "The cat is, five  runs of the dog runs money!"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("tags")
    data = tagged_data(60, 20)
    backbone = suited(load_backbone(f"hf:{save(folder / 'model')}"), TARGET)
    backbone = dataclasses.replace(backbone, spec=data.spec)
    network = Network(backbone, TASK.head(backbone.out_features, TARGET))
    trained = run_recipe(load_recipe("lp_ft", epochs=15, lr=3e-3), network, data, task=TASK).network
    golden: list[Any] = [sample.source for sample in data.dataset.samples[:4]]
    made = write_bundle(
        folder / "bundle",
        trained,
        target=TARGET,
        preprocess=data.spec,
        golden=golden,
        recipes=["lp_ft"],
        recipe="name: lp_ft\n",
    )
    return Bundle.load(made)


def test_a_plain_text_is_answered_word_by_word_where_its_words_are(bundle: Bundle) -> None:
    (row,) = bundle.predict([PLAIN])
    assert row["words"] == ["The", "cat", "is", ",", "five", "runs", "of", "the", "dog", "runs", "money", "!"]
    assert len(row["tags"]) == len(row["words"]) == len(row["probabilities"])
    assert row["tags"][1] == "B-ANIMAL"
    assert {"type": "ANIMAL", "text": "dog runs"}.items() <= row["entities"][-2].items()
    for entity in row["entities"]:
        assert PLAIN[entity["start"] : entity["end"]] == entity["text"]
        assert 0 < entity["probability"] <= 1
    assert row["error"] is None


def test_words_that_are_given_are_taken_as_they_are(bundle: Bundle) -> None:
    (row,) = bundle.predict([Sample("x", Text.of_words(["cat", "dog runs", "the"]))])
    assert row["words"] == ["cat", "dog runs", "the"]
    assert len(row["tags"]) == 3


def test_answers_do_not_depend_on_the_batch(bundle: Bundle) -> None:
    texts = [PLAIN, "the dog", "five " * 9 + "cat", "bank"]
    together, alone = bundle.predict(texts), [bundle.predict([text])[0] for text in texts]
    for a, b in zip(together, alone, strict=True):
        assert a["tags"] == b["tags"]
        assert a["probabilities"] == pytest.approx(b["probabilities"], abs=1e-5)
    small = bundle.predict(texts, batch_size=1)
    assert [row["tags"] for row in small] == [row["tags"] for row in together]


def test_words_beyond_what_is_read_have_no_tag(bundle: Bundle) -> None:
    (row,) = bundle.predict(["the cat " * 20])
    assert row["tags"][0] == "O"
    assert row["tags"][-1] is None
    assert row["probabilities"][-1] is None


def test_an_empty_text_is_an_error_and_the_others_are_answered(bundle: Bundle) -> None:
    first, second = bundle.predict(["", "the cat"])
    assert "empty" in first["error"]
    assert first["tags"] is None
    assert second["tags"][1] == "B-ANIMAL"


def test_it_measures_what_was_measured_in_training(bundle: Bundle) -> None:
    data = tagged_data(60, 20)
    samples = [data.dataset.samples[int(i)] for i in np.arange(60, 80)]
    found = bundle.task.metrics(bundle.outputs(samples).outputs, bundle.targets(samples))
    assert found["entity_f1"] > 0.9
    assert bundle.task.primary_metric == "entity_f1"


def test_it_is_loaded_again_without_the_weights_it_came_from(bundle: Bundle, tmp_path: Path) -> None:
    again = Bundle.load(bundle.folder)
    assert again.predict([PLAIN]) == bundle.predict([PLAIN])
    assert again.manifest.backbone.name.endswith("?pooling=none")
