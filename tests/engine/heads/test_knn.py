from __future__ import annotations

import pytest
import torch

from tests.engine.heads.support import digits, wide
from warmstart.engine.heads import knn
from warmstart.engine.heads.base import Problem
from warmstart.model.head import KNNHead


def test_left_out_outputs_are_those_of_heads_without_the_sample() -> None:
    features, labels = wide()
    fitted = knn.fit(Problem.of(features, labels, 4))
    k, temperature = fitted.choice["k"], fitted.choice["temperature"]
    for i in range(len(labels)):
        keep = torch.arange(len(labels)) != i
        head = KNNHead(features.shape[1], 4, len(labels) - 1, k, temperature)
        head.set_bank(features[keep], torch.from_numpy(labels)[keep])
        assert torch.allclose(head(features[i : i + 1].float())[0], fitted.cv_outputs[i], atol=1e-4)


def test_it_is_the_best_of_all_that_was_tried() -> None:
    features, labels, _, _ = digits()
    choice = knn.fit(Problem.of(features, labels, 10)).choice
    assert {row["k"] for row in choice["path"]} == set(knn.NEIGHBOURS)
    assert choice["accuracy"] == max(row["accuracy"] for row in choice["path"])


def test_neighbours_are_found_in_pieces_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    features = wide(50)[0].float()
    whole = knn.nearest_others(features, 5)[1]
    monkeypatch.setattr(knn, "_ROWS", 7)
    assert torch.equal(knn.nearest_others(features, 5)[1], whole)
    assert not bool((whole == torch.arange(50)[:, None]).any())
