"""The embedded backbone `series`: what it is said to be, and that no test data can be among what it knows."""

from __future__ import annotations

import numpy as np
import torch

from warmstart.data.synthetic import generate
from warmstart.engine.heads.base import Problem, closed_form
from warmstart.model.adapters.series import FACTS, WEIGHTS, facts
from warmstart.model.catalog import list_backbones, load_backbone
from warmstart.model.weights import file_sha256
from warmstart.preprocess.kinds import of_series


def features(uri: str, values: list[np.ndarray]) -> torch.Tensor:
    backbone = load_backbone(uri)
    rows = np.stack([of_series(backbone.spec).read(one) for one in values])
    with torch.no_grad():
        return backbone.chain(torch.from_numpy(rows)).double()


def test_the_weights_are_those_that_the_facts_are_about() -> None:
    assert file_sha256(WEIGHTS) == facts()["weights"]["sha256"]
    assert WEIGHTS.stat().st_size < 8_000_000
    assert FACTS.parent == WEIGHTS.parent


def test_they_were_trained_on_generated_series_alone() -> None:
    said = facts()
    assert said["corpus"]
    for part in said["corpus"]:
        assert "series of 512 steps generated with seed" in part["text"]
    starts = ["'series?pretrained=false'", *(f"file:RUN-{k}/backbone" for k in range(1, len(said["runs"])))]
    for run, start in zip(said["runs"], starts, strict=True):
        assert f"--backbone {start} " in run["command"]
        assert run["curve"][-1]["values"]["val_loss"] < run["curve"][0]["values"]["val_loss"]


def test_it_is_listed_with_the_facts_of_its_card() -> None:
    card = load_backbone("series").card
    (row,) = [row for row in list_backbones() if row["name"] == "series"]
    assert (row["parameters"], row["licence"], row["here"]) == (card.parameters, card.licence, True)
    assert "generated" in card.trained_on


def test_its_features_tell_processes_it_has_not_seen_better_than_random_weights_do() -> None:
    made = generate(11 * 8 * 4, steps=256, seed=987_654, each=16)  # two sets of parameters for each kind
    values = [sample.source.values for sample in made.samples]
    labels = torch.from_numpy(made.labels)
    train = torch.arange(len(labels)) % 4 == 0
    right = {}
    for uri in ("series", "series?pretrained=false"):
        x = features(uri, values)
        head = closed_form["ridge"](Problem.of(x[train], labels[train], len(made.target.classes)), seed=0)
        right[uri] = float((head.logits(x[~train]).argmax(1) == labels[~train]).double().mean())
    assert right["series"] > right["series?pretrained=false"] + 0.03
